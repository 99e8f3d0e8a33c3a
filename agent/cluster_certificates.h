/* cluster_certificates - what a node needs to be let in by the host of a quorum device.
 *
 * Made with corosync-qdevice-net-certutil, as corosync-qdevice(8) tells: one node makes a
 * key and asks for a certificate with the cluster's name, the host signs it, and the other
 * nodes get both. What a person's sessions carry from one to the next is base64. All run
 * programs and block; one at a time. Errors are program.h's and corosync_files.h's.
 */
#pragma once

#include <glib.h>

#define CERTIFICATE_MAX 65536 /* bytes, of anything of it in base64 */

/* Trusts the host's authority instead of any before, and makes a key and a request. Free it
 * with g_free. */
char *cluster_certificates_request(const char *authority, const char *cluster, GError **error);
/* Takes what the host has signed; the bundle, with the key in it, is for the other nodes. */
char *cluster_certificates_take(const char *certificate, GError **error);
/* On another node: trusts the authority, and takes the bundle. */
gboolean cluster_certificates_accept(const char *authority, const char *bundle, GError **error);
