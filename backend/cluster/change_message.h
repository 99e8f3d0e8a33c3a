/* cluster/change_message - how nodes agree on a change of corosync.conf.
 *
 * All in the group "gantry/1/config", in which every agent is, and whoever makes a change
 * (the leader) while it does so. The order of messages is the same everywhere, so all
 * decide alike.
 *
 *     here       agent    on every change of members: its file's version and hash
 *     propose    leader   the new text, and the hash of the text it replaces
 *     prepared, refused   each agent: the text is checked and lies beside the file
 *     commit     leader   once all are prepared
 *     committed, refused  each agent: it is the file now, the old one is kept
 *     keep       leader   corosync runs with it and is quorate: the old one goes
 *     kept                each agent
 *     undo       leader   or the leader leaves the group before `keep`: each agent puts
 *     undone              the old text back, with a version above the new one's, and the
 *                         agent with the lowest node number makes corosync read it
 *     latest     agent    the text of the highest version, for agents that are behind
 *
 * Invariants: an agent takes part in one change at a time and refuses others; a file in
 * force is whole and was checked; versions only grow; an agent that missed the end of a
 * change (it was restarted, or cut off) has a lower version than the others and is brought
 * up to date by `latest`.
 *
 * With `without`, a node number, that node leaves: its agent changes no file, and the new
 * text is read by corosync once that node is gone, as corosync would go on expecting its
 * votes otherwise.
 */
#pragma once

#include <glib.h>

#define CHANGE_ID_MAX     128
#define CHANGE_REASON_MAX 1024

typedef enum {
    CHANGE_HERE,
    CHANGE_PROPOSE,
    CHANGE_PREPARED,
    CHANGE_REFUSED,
    CHANGE_COMMIT,
    CHANGE_COMMITTED,
    CHANGE_KEEP,
    CHANGE_KEPT,
    CHANGE_UNDO,
    CHANGE_UNDONE,
    CHANGE_LATEST,
    CHANGE_KIND_COUNT
} ChangeKind;

typedef struct {
    ChangeKind kind;
    char *change;    /* which one; "" in here and latest */
    char *hash;      /* of the sender's file, or of the one that is replaced; or "" */
    char *text;      /* of propose and latest; or "" */
    char *reason;    /* of refused and undo; or "" */
    guint64 version; /* of the sender's file; 0: it has none */
    guint without;
} ChangeMessage;

/* Strings that are NULL are sent as "". The caller frees it. */
char *change_message_write(const ChangeMessage *message);
/* WIRE_ERROR_PARSE: from another version of Gantry, or not of Gantry. */
ChangeMessage *change_message_read(const void *data, size_t size, GError **error);
void change_message_free(ChangeMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChangeMessage, change_message_free)

/* Of a file's text; free with g_free. */
char *change_hash(const char *text);
