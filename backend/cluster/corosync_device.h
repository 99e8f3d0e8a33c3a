/* cluster/corosync_device - the quorum device in corosync.conf: one more voter outside of
 * the cluster (corosync-qdevice(8), model net, to a corosync-qnetd on another machine). Pure.
 *
 * Which half of a split cluster goes on, or whether one node goes on when the other is gone,
 * is for the device to say. The algorithm decides for whom and with how many votes:
 *
 *     ffsplit   one vote, to one half: for an even number of nodes. With an odd number no
 *               split leaves two halves, and the vote would only make the device needed
 *     lms       a vote less than there are nodes: the last one standing goes on, but without
 *               the device not a single node may be lost
 *
 * TLS is required of both sides; corosync-qnetd knows the cluster by a certificate that has
 * the cluster's name.
 */
#pragma once

#include "backend/cluster/corosync_conf.h"

#define COROSYNC_DEVICE_ALGORITHMS "ffsplit|lms"

typedef struct {
    char *host;      /* name or address that the nodes reach it at */
    char *algorithm; /* may be one that Gantry does not make */
    char *model;     /* "net", or what somebody wrote by hand */
    guint votes;
} CorosyncDevice;

void corosync_device_free(CorosyncDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CorosyncDevice, corosync_device_free)

/* NULL when there is none; conf may be NULL too. */
CorosyncDevice *corosync_device_read(const CorosyncText *conf);
/* The votes are those that the algorithm wants for the nodes of the file. WIRE_ERROR_STATE
 * when there is one, or when the number of nodes does not suit the algorithm, in words;
 * WIRE_ERROR_CONFIG for a host that is none. */
gboolean corosync_device_add(CorosyncText *conf, const char *host, const char *algorithm,
                             GError **error);
/* WIRE_ERROR_STATE when there is none. */
gboolean corosync_device_remove(CorosyncText *conf, GError **error);
