/* cluster/corosync_conf - what corosync.conf says of a cluster, and changes to it.
 *
 * corosync.conf stays the truth: values are read from its text and put into it, and all
 * that Gantry does not know stays there (corosync_text.h). Pure.
 *
 * corosync_conf_check() refuses, with WIRE_ERROR_CONFIG and the line, what corosync would
 * refuse or misread and what Gantry does not manage:
 *   totem     version 2, a cluster_name of 1 to 32 letters, digits, . _ -, transport knet,
 *             known crypto_cipher and crypto_hash, config_version 1 to 2^63-1, token 300
 *             to 600000 ms
 *   nodelist  1 to 32 nodes; ids 1 to 65535 (what knet carries), names and addresses that
 *             no other node has, the same links at every node, 1 to 8 (with a gap while
 *             one is made anew); quorum_votes 0 to 255
 *   quorum    provider corosync_votequorum; expected_votes 1 to 8192; two_node 0 or 1; of a
 *             device votes 0 to 255 (the rest of it: corosync_device.h)
 *
 * Gantry never writes two_node, and takes it out when the number of nodes changes: with it
 * both halves of a split pair go on as quorate. An expected_votes that stands in the file is
 * kept right.
 */
#pragma once

#include "backend/cluster/corosync_text.h"

#define COROSYNC_NODES_MAX 32
#define COROSYNC_LINKS_MAX 8
#define COROSYNC_ID_MAX    65535
#define COROSYNC_NAME_MAX  32 /* of a cluster */

typedef struct {
    guint id;
    char *name;
    char *addresses[COROSYNC_LINKS_MAX]; /* by link; NULL where there is none */
    guint votes;
} CorosyncNode;

void corosync_node_free(CorosyncNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CorosyncNode, corosync_node_free)
/* One more than its highest link. */
guint corosync_node_links(const CorosyncNode *node);

/* A new file of a cluster without nodes: encrypted with the key of
 * COROSYNC_KEY_PATH, version 1. */
CorosyncText *corosync_conf_new(const char *cluster);

gboolean corosync_conf_check(const CorosyncText *conf, GError **error);
/* Parsed and checked. */
CorosyncText *corosync_conf_parse(const char *text, size_t length, GError **error);

/* The rest expects a file that passed the check. Strings are borrowed. */
const char *corosync_conf_cluster(const CorosyncText *conf);
guint64 corosync_conf_version(const CorosyncText *conf);
void corosync_conf_set_version(CorosyncText *conf, guint64 version);
/* Which store the cluster's agents share (gantry.store; corosync passes it over): its
 * number, 0 when the file does not say. */
guint64 corosync_conf_store(const CorosyncText *conf);
void corosync_conf_set_store(CorosyncText *conf, guint64 number);
gboolean corosync_conf_is_encrypted(const CorosyncText *conf);
gboolean corosync_conf_is_two_node(const CorosyncText *conf);

/* The nodes in the file's order, each new; free the array with g_ptr_array_unref. */
GPtrArray *corosync_conf_nodes(const CorosyncText *conf);
/* NULL when there is none; free with corosync_node_free. */
CorosyncNode *corosync_conf_node(const CorosyncText *conf, const char *name);
/* The lowest number that no node has. */
guint corosync_conf_free_id(const CorosyncText *conf);
/* WIRE_ERROR_BUSY when the name, id or an address is taken; WIRE_ERROR_LIMIT. */
gboolean corosync_conf_add_node(CorosyncText *conf, const CorosyncNode *node, GError **error);
/* WIRE_ERROR_NOT_FOUND; WIRE_ERROR_STATE for the last one. */
gboolean corosync_conf_remove_node(CorosyncText *conf, const char *name, GError **error);

/* Links are changed at all nodes together: corosync makes a link anew only when it was gone
 * from its file before. */
void corosync_conf_remove_link(CorosyncText *conf, guint link);
/* addresses: one a node, in the file's order. WIRE_ERROR_BUSY when one is taken;
 * WIRE_ERROR_CONFIG when it is none. */
gboolean corosync_conf_set_link(CorosyncText *conf, guint link, const char *const *addresses,
                                GError **error);
/* The lowest link that there is not; COROSYNC_LINKS_MAX when there are all. */
guint corosync_conf_free_link(const CorosyncText *conf);
gboolean corosync_conf_has_link(const CorosyncText *conf, guint link);
guint corosync_conf_count_links(const CorosyncText *conf);
void corosync_conf_rename(CorosyncText *conf, const char *cluster);
/* Adds to an expected_votes that stands in the file, so that it goes on being right. */
void corosync_conf_adjust_expected(CorosyncText *conf, guint more, guint less);

/* A cluster's name, a node's name (a host name's label or several), an address. */
gboolean corosync_name_is_valid(const char *name);
gboolean corosync_node_name_is_valid(const char *name);
gboolean corosync_address_is_valid(const char *address);

/* Is it what the package ships (one node on the loopback)? Then nothing is lost when a
 * cluster takes its place. */
gboolean corosync_conf_is_untouched(const CorosyncText *conf);
