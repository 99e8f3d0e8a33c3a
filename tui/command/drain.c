/* node drain and undrain: every guest of a node goes elsewhere, each where nothing stands in
 * its way and most memory is free; and comes back. Where it came from stands in a tag, which
 * goes with it and which people see. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/migrate.h"

#include <string.h>

#define TAG_FROM "from."

enum { ANSWER_DEADLINE = 60000 /* ms */ };

typedef struct {
    char *name;
    double room; /* bytes of memory that are free and not promised; 0: not known */
} Refuge;

static void refuge_free(gpointer data)
{
    Refuge *target = data;
    g_free(target->name);
    g_free(target);
}

static json_t *ask(const Act *act, Link *link, const char *method, GError **error)
{
    return client_call(act->client, link, method, json_object(), ANSWER_DEADLINE, error);
}

/* The session with the agent of that node among those that are open; *status is its
 * cluster.status (a new reference). */
static Link *find_node(const Act *act, const char *name, json_t **status, GError **error)
{
    for (guint i = 0; i < client_count(act->client); i++) {
        const ClientNode *node = client_node(act->client, i);
        g_autoptr(json_t) found =
            node->error ? NULL : ask(act, node->link, "cluster.status", NULL);
        if (g_strcmp0(wire_get_string(found, "node", NULL), name) != 0)
            continue;
        *status = json_incref(found);
        return node->link;
    }
    wire_error_set(error, WIRE_ERROR_UNREACHABLE, "%s is not reached: name it with -H %s", name,
                   name);
    return NULL;
}

/* ---- where to ---- */

static double room_of(const Act *act, const char *name)
{
    for (guint i = 0; i < client_count(act->client); i++) {
        const ClientNode *node = client_node(act->client, i);
        g_autoptr(json_t) list = node->error ? NULL : ask(act, node->link, "node.list", NULL);
        const json_t *own = json_array_get(json_object_get(list, "nodes"), 0);
        if (g_strcmp0(wire_get_string(own, "id", NULL), name) == 0)
            return wire_get_number(own, "mem_total", 0) - wire_get_number(own, "mem_used", 0);
    }
    return 0;
}

static GPtrArray *find_targets(const Act *act, const json_t *status)
{
    GPtrArray *targets = g_ptr_array_new_with_free_func(refuge_free);
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(status, "nodes"), index, node)
    {
        if (wire_get_boolean(node, "local", FALSE) || !wire_get_boolean(node, "member", FALSE))
            continue;
        Refuge *target = g_new0(Refuge, 1);
        target->name = g_strdup(wire_get_string(node, "name", ""));
        target->room = room_of(act, target->name);
        g_ptr_array_add(targets, target);
    }
    return targets;
}

static gint by_room(gconstpointer a, gconstpointer b)
{
    const Refuge *one = *(Refuge *const *)a, *two = *(Refuge *const *)b;
    return one->room > two->room   ? -1
           : one->room < two->room ? 1
                                   : strcmp(one->name, two->name);
}

/* The first target, by room, with nothing in the way; else the first, with what is. */
static gboolean choose(const Move *move, Mover *mover, GPtrArray *targets, GError **error)
{
    g_ptr_array_sort(targets, by_room);
    for (guint i = 0; i < targets->len; i++) {
        Refuge *target = targets->pdata[i];
        g_free(mover->node);
        mover->node = g_strdup(target->name);
        if (!move_plan(move, mover, error))
            return FALSE;
        if (json_array_size(json_object_get(mover->plan, "obstacles")) > 0)
            continue;
        target->room -= wire_get_number(mover->plan, "memory_bytes", 0);
        return TRUE;
    }
    Refuge *first = targets->pdata[0];
    g_free(mover->node);
    mover->node = g_strdup(first->name);
    return move_plan(move, mover, error);
}

/* ---- tags ---- */

/* The tags without that one; with it when add. */
static json_t *tags_with(const json_t *tags, const char *tag, gboolean add)
{
    json_t *fresh = json_array();
    size_t index;
    const json_t *one;
    json_array_foreach(tags, index, one)
    {
        if (g_strcmp0(json_string_value(one), tag) != 0)
            json_array_append(fresh, (json_t *)(gintptr)one);
    }
    if (add)
        json_array_append_new(fresh, wire_string(tag));
    return fresh;
}

static gboolean has_tag(const json_t *tags, const char *tag)
{
    size_t index;
    const json_t *one;
    json_array_foreach(tags, index, one)
    {
        if (g_strcmp0(json_string_value(one), tag) == 0)
            return TRUE;
    }
    return FALSE;
}

static Mover *add_guest(Move *move, Link *link, const json_t *guest, const char *node,
                        const char *tag, gboolean add)
{
    const json_t *tags = json_object_get(guest, "tags");
    Mover *mover = move_add(move, wire_get_string(guest, "id", ""), node);
    mover->link = link;
    mover->old_tags = tags ? json_deep_copy(tags) : json_array();
    mover->tags = tags_with(tags, tag, add);
    return mover;
}

/* ---- the order ---- */

static double weight_of(const Mover *mover)
{
    return wire_get_number(mover->plan, "memory_bytes", 0) +
           wire_get_number(mover->plan, "disk_bytes", 0);
}

static gint by_weight(gconstpointer a, gconstpointer b)
{
    double one = weight_of(*(Mover *const *)a), two = weight_of(*(Mover *const *)b);
    return one < two ? -1 : one > two ? 1 : 0;
}

static gint by_weight_down(gconstpointer a, gconstpointer b)
{
    return by_weight(b, a);
}

/* As set for the cluster; an agent that knows of no settings has the usual ones. */
static void arrange(Move *move, Link *link)
{
    g_autoptr(json_t) answer = ask(move->act, link, "cluster.settings", NULL);
    const json_t *settings = json_object_get(answer, "settings");
    const char *order = wire_get_string(settings, "drain_order", "");
    move->parallel = (guint)CLAMP(wire_get_integer(settings, "drain_parallel", 1), 1, 8);
    if (strcmp(order, "small-first") == 0)
        g_ptr_array_sort(move->movers, by_weight);
    else if (strcmp(order, "large-first") == 0)
        g_ptr_array_sort(move->movers, by_weight_down);
}

/* ---- the commands ---- */

static gboolean plan_drain(Move *move, const char *name, GError **error)
{
    g_autoptr(json_t) status = NULL;
    if (!client_add_peers(move->act->client, move->act->options, error))
        return FALSE;
    Link *link = find_node(move->act, name, &status, error);
    g_autoptr(json_t) list = link ? ask(move->act, link, "guest.list", error) : NULL;
    g_autofree char *tag = g_strconcat(TAG_FROM, name, NULL);
    size_t index;
    const json_t *guest;
    if (!list)
        return FALSE;
    g_autoptr(GPtrArray) targets = find_targets(move->act, status);
    if (targets->len == 0) {
        wire_error_set(error, WIRE_ERROR_STATE, "%s has no other member in its cluster", name);
        return FALSE;
    }
    json_array_foreach(json_object_get(list, "guests"), index, guest)
    {
        Mover *mover = add_guest(move, link, guest, "", tag, TRUE);
        if (!choose(move, mover, targets, error))
            return FALSE;
    }
    arrange(move, link);
    return TRUE;
}

gboolean act_node_drain(const Act *act, GError **error)
{
    Move move;
    move_begin(&move, act);
    gboolean good =
        plan_drain(&move, wire_get_string(act->arguments->params, "node", ""), error) &&
        move_go(&move, error);
    move_end(&move);
    return good;
}

static gboolean plan_undrain(Move *move, const char *name, GError **error)
{
    g_autofree char *tag = g_strconcat(TAG_FROM, name, NULL);
    if (!client_add_peers(move->act->client, move->act->options, error))
        return FALSE;
    for (guint i = 0; i < client_count(move->act->client); i++) {
        const ClientNode *node = client_node(move->act->client, i);
        g_autoptr(json_t) list =
            node->error ? NULL : ask(move->act, node->link, "guest.list", error);
        size_t index;
        const json_t *guest;
        if (!node->error && !list)
            return FALSE;
        json_array_foreach(json_object_get(list, "guests"), index, guest)
        {
            if (!has_tag(json_object_get(guest, "tags"), tag) ||
                g_strcmp0(wire_get_string(guest, "node", NULL), name) == 0)
                continue;
            Mover *mover = add_guest(move, node->link, guest, name, tag, FALSE);
            if (!move_plan(move, mover, error))
                return FALSE;
        }
    }
    if (move->movers->len > 0)
        arrange(move, ((const Mover *)move->movers->pdata[0])->link);
    return TRUE;
}

gboolean act_node_undrain(const Act *act, GError **error)
{
    Move move;
    move_begin(&move, act);
    gboolean good =
        plan_undrain(&move, wire_get_string(act->arguments->params, "node", ""), error) &&
        move_go(&move, error);
    move_end(&move);
    return good;
}
