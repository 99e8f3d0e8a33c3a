/* guests_private - what the parts of guests.h share: the table itself (guests.c), what the
 * drivers say (guests_news.c), what is shown of it (guests_show.c), and what the store says
 * and is told (guests_stored.c).
 */
#pragma once

#include "agent/guest_definitions.h"
#include "agent/guest_documents.h"
#include "agent/guests.h"
#include "agent/guests_lost.h"
#include "agent/looks.h"

typedef struct {
    GuestTable *table;
    const GuestDriver *driver;
    GuestObserver *observer;
    GPtrArray *measured; /* of Guest: the last figures' ones, each at its place; or NULL */
    GuestDriverHealth health;
    gboolean known; /* it has reported its health at least once */
    gint64 since;
    char *reason;
} GuestTableDriver;

struct GuestTable {
    Agent *agent;
    GuestDocuments *documents;
    GuestDefinitions *definitions;
    GuestsLost *lost;
    GHashTable *by_native; /* native -> Guest */
    GHashTable *by_id;     /* id -> Guest (borrowed) */
    GPtrArray *drivers;    /* of GuestTableDriver */
    Looks *looks;
    json_t *versions;
    GHashTable *departed; /* ids of guests that went while the agent ran */
    GHashTable *works;    /* id -> GuestWork: also of guests that are not seen yet */
};

/* A task at work on a guest. */
typedef struct {
    char *task;
    char *owner;
} GuestWork;

/* guests.c */
gboolean guest_was_just_acted_on(const Guest *guest);
/* Who causes what happens to a guest now, or NULL. Some news come a moment after the
 * task that made them. */
const char *guest_actor(const GuestTable *table, const char *id);

/* guests_news.c */
extern const GuestEvents guest_driver_events;

/* guests_show.c: puts it into the inventory. */
void guest_publish(GuestTable *table, const Guest *guest);
void guest_publish_figures(GuestTable *table, Guest *guest);
