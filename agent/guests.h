/* guests - every guest of this node: number, summary, figures, and whose turn it
 * is. It stands between the drivers, which know native identifiers, and the
 * rest of the agent, which knows vm/100.
 *
 * A guest gets its number when it is first seen, the lowest one from 100 that no
 * document of the store holds, and keeps it by its native identifier: also while
 * it is undefined and defined again, and over a restart. The store's documents
 * are described in guest_documents.h.
 *
 * When a driver falls silent its guests stay as they were last seen, with
 * stale_since; nothing of them is guessed.
 */
#pragma once

#include "agent/agent.h"
#include "backend/guest/driver.h"
#include "backend/node/history.h"

#include <jansson.h>

typedef struct GuestTable GuestTable;

typedef struct {
    const GuestDriver *driver;
    char *id; /* vm/100 */
    int number;
    gboolean fresh; /* it got its number in this run of the agent */
    GuestSummary *summary;
    GuestFigures figures; /* of the last second; native is NULL when there are none */
    double *vcpu;         /* what figures.vcpu points to */
    HistoryPlace past;    /* of its figures */
    gboolean shown;       /* the inventory has these figures */
    gint64 stale_since;   /* 0: its driver answers */
    gint64 acted;         /* when a task on it ended, monotonic microseconds; 0: none did */
    char *actor;          /* whose task that was */
} Guest;

/* Starts the drivers' observers. */
GuestTable *guest_table_new(Agent *agent);
void guest_table_free(GuestTable *table);

/* vm/100, 100 or a name; WIRE_ERROR_NOT_FOUND, WIRE_ERROR_AMBIGUOUS. */
Guest *guest_table_resolve(const GuestTable *table, const char *text, GError **error);
Guest *guest_table_find(const GuestTable *table, const char *id);
guint guest_table_count(const GuestTable *table);

/* Whether its state can be relied on: its driver answers, and has had
 * GUEST_SETTLE_MS to notice what the last task did. */
#define GUEST_SETTLE_MS 2000
gboolean guest_is_settled(const Guest *guest);

/* Puts the newest figures of all guests into the inventory. */
void guest_table_publish_figures(GuestTable *table);

/* Somebody looks at it: its driver shall look again, for what it is not told of. */
void guest_table_look(GuestTable *table, const Guest *guest);
/* The same, and calls done() when the inventory shows what was seen; at the latest
 * after a second. FALSE when there is no such guest: done() is not called. */
gboolean guest_table_look_then(GuestTable *table, const char *id, void (*done)(gpointer user),
                               gpointer user, GDestroyNotify release);

/* A task begins (task) or has ended (NULL) on a guest. */
void guest_table_set_task(GuestTable *table, const char *id, const char *task,
                          const char *owner);
/* A container is about to be known by another native identifier, or failed to: who
 * appears under it has this number. */
void guest_table_expect(GuestTable *table, const char *id, const char *native);
/* The store can be written again, or is another: see guest_documents_settle(). */
void guest_table_settle(GuestTable *table);
/* This node has left its cluster: it forgets the guests of other nodes. */
void guest_table_prune(GuestTable *table);
/* A guest moves here from another node, has arrived, or has left or not come: see
 * guest_documents.h. */
void guest_table_expect_move(GuestTable *table, GuestKind kind, int number, const char *native,
                             const char *name);
void guest_table_take(GuestTable *table, const char *id);
void guest_table_part(GuestTable *table, const char *id);
/* The nodes of the cluster that are not seen, by name (keys), are others now. */
void guest_table_set_lost(GuestTable *table, GHashTable *nodes);
/* The guests of the whole cluster, or of one node (NULL: all), as the store knows them
 * (guest_documents_all). */
json_t *guest_table_all(const GuestTable *table, const char *node);
/* The definition of another node's guest as it was last, with that node's name; else NULL. */
char *guest_table_definition(const GuestTable *table, const char *text, char **node);
/* A guest was deleted on purpose: its number is free again. */
void guest_table_forget(GuestTable *table, const char *id);

/* The guest's own document: tags and notes; a new object, empty if none. */
json_t *guest_table_document(const GuestTable *table, const Guest *guest);
guint64 guest_table_document_revision(const GuestTable *table, const Guest *guest);
/* Merges into it what edit says of it as it is, if that is at the revision that params name;
 * the callback hears when it is on disk. See guest_documents_change(). */
typedef json_t *(*GuestEdit)(const json_t *document, gpointer user, GError **error);
typedef void (*GuestSaved)(const GError *error, gpointer user);
void guest_table_change_document(GuestTable *table, const Guest *guest, const json_t *params,
                                 GuestEdit edit, GuestSaved saved, gpointer user);

/* Each driver as name, state, since, reason: for the node's object. */
json_t *guest_table_drivers(const GuestTable *table);
/* {"libvirt": .., "qemu": .., "lxc": ..}: borrowed. */
const json_t *guest_table_versions(const GuestTable *table);
