#include "agent/cluster_vitals.h"

#include "agent/cluster.h"
#include "backend/wire/message.h"
#include "config.h"

#include <string.h>

enum {
    ASK_EVERY = 60, /* seconds */
    ASK_AGAIN = 1,  /* seconds after which somebody may want it anew */
    STALE = 300,    /* seconds in which an exact answer is better than a later one */
    MESSAGE_MAX = 1024
};

struct ClusterVitals {
    Membership *membership;
    void (*changed)(gpointer user);
    gpointer user;
    GHashTable *table; /* of ClusterVital, by the node's number */
    guint members;
    guint64 number; /* of the last question */
    gint64 asked;   /* monotonic; 0: never */
    guint timer;
};

static void vital_free(gpointer data)
{
    ClusterVital *vital = data;
    g_free(vital->agent);
    g_free(vital);
}

static guint own_number(const ClusterVitals *self)
{
    const MembershipView *view = membership_view(self->membership);
    return view ? view->own : 0;
}

static ClusterVital *vital_of(const ClusterVitals *self, guint id)
{
    ClusterVital *vital = g_hash_table_lookup(self->table, GUINT_TO_POINTER(id));
    if (vital)
        return vital;
    vital = g_new0(ClusterVital, 1);
    g_hash_table_insert(self->table, GUINT_TO_POINTER(id), vital);
    return vital;
}

/* ---- asking and answering ---- */

static void say(const ClusterVitals *self, json_t *object)
{
    g_autoptr(json_t) message = object;
    char *line = json_dumps(message, WIRE_DUMP);
    if (!membership_send(self->membership, CLUSTER_GROUP_VITALS, line, strlen(line), NULL))
        g_debug("vitals: not sent");
    free(line);
}

static void ask(ClusterVitals *self)
{
    self->asked = g_get_monotonic_time();
    self->number++;
    say(self, json_pack("{s:s,s:I}", "kind", "ask", "number", (json_int_t)self->number));
}

void cluster_vitals_ask(ClusterVitals *self)
{
    gint64 since = g_get_monotonic_time() - self->asked;
    if (self->members > 1 && (!self->asked || since > (gint64)ASK_AGAIN * G_USEC_PER_SEC))
        ask(self);
}

static gboolean on_timer(gpointer user)
{
    cluster_vitals_ask(user);
    return G_SOURCE_CONTINUE;
}

static void take_ask(const ClusterVitals *self, const MembershipPeer *from,
                     const json_t *message)
{
    if (from->node == own_number(self))
        return;
    say(self,
        json_pack("{s:s,s:I,s:i,s:I,s:s}", "kind", "answer", "number",
                  (json_int_t)wire_get_integer(message, "number", 0), "to", (int)from->node,
                  "time", (json_int_t)g_get_real_time(), "agent", GANTRY_VERSION));
}

static void take_answer(ClusterVitals *self, const MembershipPeer *from, const json_t *message)
{
    gint64 now = g_get_monotonic_time(), time = wire_get_integer(message, "time", 0);
    gint64 half = (now - self->asked) / 2;
    if (wire_get_integer(message, "to", 0) != own_number(self) ||
        (guint64)wire_get_integer(message, "number", 0) != self->number || time <= 0)
        return;
    ClusterVital *vital = vital_of(self, from->node);
    g_free(vital->agent);
    vital->agent = g_strdup(wire_get_string(message, "agent", ""));
    gboolean stale = !vital->taken || now - vital->taken > (gint64)STALE * G_USEC_PER_SEC;
    gint64 offset = time - (g_get_real_time() - half);
    /* One that can't be explained by the earlier one means that a clock was set. */
    gboolean other = ABS(offset - vital->offset) > half + vital->uncertainty;
    if (stale || other || half <= vital->uncertainty) {
        vital->offset = offset;
        vital->uncertainty = half;
        vital->taken = now;
    }
    self->changed(self->user);
}

void cluster_vitals_message(ClusterVitals *self, const MembershipPeer *from, const void *data,
                            size_t size)
{
    g_autoptr(json_t) message =
        size <= MESSAGE_MAX ? json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *kind = wire_get_string(message, "kind", "");
    if (strcmp(kind, "ask") == 0)
        take_ask(self, from, message);
    else if (strcmp(kind, "answer") == 0)
        take_answer(self, from, message);
}

void cluster_vitals_members(ClusterVitals *self, const MembershipPeer *peers, guint count)
{
    GHashTableIter iterator;
    gpointer key;
    g_hash_table_iter_init(&iterator, self->table);
    while (g_hash_table_iter_next(&iterator, &key, NULL)) {
        gboolean there = FALSE;
        for (guint i = 0; i < count && !there; i++)
            there = peers[i].node == GPOINTER_TO_UINT(key);
        if (!there)
            g_hash_table_iter_remove(&iterator);
    }
    self->members = count;
    if (count > 1)
        ask(self);
}

GHashTable *cluster_vitals_table(const ClusterVitals *self)
{
    return self->table;
}

ClusterVitals *cluster_vitals_new(Membership *membership, void (*changed)(gpointer user),
                                  gpointer user)
{
    ClusterVitals *self = g_new0(ClusterVitals, 1);
    self->membership = membership;
    self->changed = changed;
    self->user = user;
    self->table = g_hash_table_new_full(NULL, NULL, NULL, vital_free);
    self->timer = g_timeout_add_seconds(ASK_EVERY, on_timer, self);
    return self;
}

void cluster_vitals_free(ClusterVitals *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->timer, g_source_remove);
    g_hash_table_unref(self->table);
    g_free(self);
}
