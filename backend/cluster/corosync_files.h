/* cluster/corosync_files - corosync.conf and its key on disk.
 *
 * All names are below a directory that the caller has opened. A file is written whole
 * or not at all: to a name beside it, synced, renamed over it, and the directory synced.
 * May hang with the disk: for workers and children, not for a main loop. Errors are
 * WIRE_ERROR_STORAGE unless said otherwise.
 *
 * While a change is made (cluster_change.h), the file that waits for it lies beside the
 * one in force as CONF_NEW, and after it came into force the earlier one as CONF_OLD,
 * until all agree that the change stays.
 */
#pragma once

#include "backend/cluster/corosync_conf.h"

#include <sys/types.h>

#define COROSYNC_DIRECTORY "/etc/corosync"
#define COROSYNC_CONF      "corosync.conf"
#define COROSYNC_CONF_NEW  "corosync.conf.gantry-new"
#define COROSYNC_CONF_OLD  "corosync.conf.gantry-old"
#define COROSYNC_CONF_LEFT "corosync.conf.gantry-left" /* of a cluster that was left */
#define COROSYNC_KEY       "authkey"
#define COROSYNC_KEY_BYTES 256 /* of a key made here */
#define COROSYNC_KEY_MIN   128 /* what corosync takes: 1024 bits */
#define COROSYNC_KEY_MAX   4096

/* The descriptor is the caller's. WIRE_ERROR_UNAVAILABLE when corosync is not installed. */
int corosync_directory_open(const char *path, GError **error);

/* WIRE_ERROR_NOT_FOUND when there is none; WIRE_ERROR_LIMIT. Syntax is checked, meaning
 * is not. */
CorosyncText *corosync_file_load(int directory, const char *name, GError **error);
gboolean corosync_file_write(int directory, const char *name, const void *data, size_t size,
                             mode_t mode, GError **error);
gboolean corosync_file_save(int directory, const char *name, const CorosyncText *conf,
                            GError **error);
/* to is replaced. WIRE_ERROR_NOT_FOUND when there is no from. */
gboolean corosync_file_rename(int directory, const char *from, const char *to, GError **error);
/* That there is none is no error. */
gboolean corosync_file_remove(int directory, const char *name, GError **error);
gboolean corosync_file_exists(int directory, const char *name);

/* A key from the kernel's random numbers; written with mode 0400. */
gboolean corosync_key_make(int directory, GError **error);
/* The caller frees it with g_bytes_unref. WIRE_ERROR_NOT_FOUND, WIRE_ERROR_CONFIG. */
GBytes *corosync_key_load(int directory, GError **error);
gboolean corosync_key_save(int directory, const void *data, size_t size, GError **error);
