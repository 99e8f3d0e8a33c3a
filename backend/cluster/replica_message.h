/* cluster/replica_message - what replicas multicast, and its encoding.
 *
 * A message is a version, its kind, the cluster, the sender's birth, the view it
 * was sent in, and the fields of its kind in the order of the table in
 * replica_message.c, little-endian. A message of another version, with a count or
 * size over its limit, or with a byte too many or too few, is refused as a whole.
 *
 *     STATE     round epoch adopted end committed electable
 *               what the sender has (epoch: the highest it promised), to all, once
 *               a round
 *     PROPOSE   round epoch adopted end
 *               the sender would lead this epoch, and this is what its log is worth
 *     PROMISE   epoch: on the sender's disk stands that it serves no lower one
 *     REQUEST   epoch entry: a transaction or change that wants its place
 *     LEAD      round epoch start hash committed index check marks...
 *               the leader's log when the epoch began (start, hash), and the places
 *               of requests from index on; without marks a sign of life
 *     ACK       epoch index hash checked digest
 *               the sender's disk has the leader's log up to index; its documents at
 *               the entry `checked` have this digest
 *     FETCH     epoch probes... index offset: send me what follows the latest of
 *               these that you know; or go on with that snapshot
 *     ENTRIES   epoch to end committed index hash entries...: what follows index
 *     SNAPSHOT  epoch to base digest offset last bytes: a piece of the documents
 */
#pragma once

#include "backend/cluster/replica_log.h"

#define REPLICA_VERSION     1
#define REPLICA_MESSAGE_MAX (10u << 20) /* bytes */
#define REPLICA_MARKS_MAX   1024        /* requests that get their place in a LEAD */
#define REPLICA_ENTRIES_MAX 4096        /* entries in an ENTRIES */
#define REPLICA_PROBES_MAX  48
#define REPLICA_PIECE_MAX   (1u << 20) /* bytes of a SNAPSHOT */

typedef enum {
    REPLICA_STATE = 1,
    REPLICA_PROPOSE,
    REPLICA_PROMISE,
    REPLICA_REQUEST,
    REPLICA_LEAD,
    REPLICA_ACK,
    REPLICA_FETCH,
    REPLICA_ENTRIES,
    REPLICA_SNAPSHOT,
} ReplicaMessageKind;

typedef struct {
    guint32 origin;
    guint64 incarnation, sequence;
} ReplicaMark; /* which request */

typedef struct {
    guint64 index;
    ReplicaHash hash;
} ReplicaProbe;

typedef struct {
    ReplicaMessageKind kind;
    guint64 cluster, birth, view; /* of the sender */
    guint32 round, to;
    guint64 epoch, adopted, start, end, committed, index, checked, offset;
    gboolean electable, last;
    ReplicaHash hash;   /* at start in LEAD, else at index */
    ReplicaHash digest; /* in LEAD: the hash at the last of the marks */
    ReplicaBase base;
    GBytes *bytes;
    guint mark_count, probe_count;
    ReplicaMark *marks;
    ReplicaProbe probes[REPLICA_PROBES_MAX];
    GPtrArray *entries; /* of ReplicaEntry; one in REQUEST */
} ReplicaMessage;

ReplicaMessage *replica_message_new(ReplicaMessageKind kind);
void replica_message_free(ReplicaMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReplicaMessage, replica_message_free)

GBytes *replica_message_encode(const ReplicaMessage *message);
/* NULL and WIRE_ERROR_PARSE, or WIRE_ERROR_VERSION when the sender speaks another
 * version. Entries and pieces are slices of the bytes, and keep them. */
ReplicaMessage *replica_message_decode(GBytes *bytes, GError **error);
