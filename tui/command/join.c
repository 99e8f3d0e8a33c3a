/* cluster join: this person's sessions to a member and to each joining node carry the
 * exchange. The member says what a joiner needs (cluster.add), the joiner takes it
 * (cluster.accept); when the joiner can't, the member takes it back. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/network.h"
#include "tui/command/numbers.h"
#include "tui/command/steps.h"
#include "tui/screen/text.h"

#include <string.h>

enum {
    ANSWER_DEADLINE = 60000, /* ms, to take it back */
    LINKS = 2,
    SETTLE = 10000000, /* microseconds that a cluster may take to be quorate */
    ASK_AGAIN = 250000
};

typedef struct {
    Link *link;
    const char *name;
    char *addresses[LINKS];
    GPtrArray *changes; /* of NumberChange: its guests that get other numbers */
} Joiner;

typedef struct {
    const Act *act;
    Link *member;
    json_t *status; /* of the member */
    json_t *links;  /* the member's links */
    const char *cluster;
    char *addresses[LINKS]; /* the member's */
    GPtrArray *joiners;     /* of Joiner */
    GHashTable *taken;      /* numbers of guests in the cluster, with those that join */
} Join;

static void joiner_free(gpointer data)
{
    Joiner *joiner = data;
    for (int i = 0; i < LINKS; i++)
        g_free(joiner->addresses[i]);
    g_clear_pointer(&joiner->changes, g_ptr_array_unref);
    g_free(joiner);
}

/* ---- addresses ---- */

/* The joiner's address in the network of the member's. */
static char *choose(const Join *join, const json_t *links, const char *address)
{
    return network_choose(join->links, address, links);
}

static gboolean choose_all(const Join *join, Joiner *joiner, const json_t *links,
                           GError **error)
{
    static const char *const options[] = {"link0", "link1"};
    for (int i = 0; i < LINKS && join->addresses[i]; i++) {
        const char *given = wire_get_string(join->act->arguments->params, options[i], NULL);
        joiner->addresses[i] =
            given ? g_strdup(given) : choose(join, links, join->addresses[i]);
        if (joiner->addresses[i])
            continue;
        wire_error_set_field(error, WIRE_ERROR_PARAMS, options[i],
                             "%s has no address in the network of %s (link %d of %s): give one "
                             "with --link%d",
                             joiner->name, join->addresses[i], i, link_name(join->member), i);
        return FALSE;
    }
    return TRUE;
}

/* ---- looking at all of them ---- */

/* A cluster that was just made or changed takes a moment to be seen as quorate. */
static json_t *ask_settled(const Join *join, GError **error)
{
    gint64 end = g_get_monotonic_time() + SETTLE;
    for (;;) {
        g_autoptr(json_t) status =
            steps_ask(join->act, join->member, "cluster.status", json_object(), error);
        if (!status || wire_get_boolean(status, "quorate", FALSE) ||
            g_strcmp0(wire_get_string(status, "state", NULL), "none") == 0 ||
            g_get_monotonic_time() > end)
            return g_steal_pointer(&status);
        g_usleep(ASK_AGAIN);
    }
}

/* What the node knows of guests; an agent that is older than this knows nothing. */
static json_t *ask_guests(const Join *join, Link *link)
{
    g_autoptr(json_t) answer =
        steps_ask(join->act, link, "cluster.guests", json_object(), NULL);
    return json_incref(json_object_get(answer, "guests"));
}

static gboolean look_at_member(Join *join, GError **error)
{
    join->status = ask_settled(join, error);
    join->links = join->status
                      ? steps_ask(join->act, join->member, "link.list", json_object(), error)
                      : NULL;
    if (!join->links)
        return FALSE;
    join->cluster = wire_get_string(join->status, "cluster", NULL);
    if (!join->cluster) {
        wire_error_set(
            error, WIRE_ERROR_STATE,
            "%s is in no cluster: name a member with -H, or make a cluster with gantry "
            "cluster create NAME",
            link_name(join->member));
        return FALSE;
    }
    if (json_is_object(json_object_get(join->status, "device"))) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "cluster %s has a quorum device, which suits its number of nodes and "
                       "whose certificates a new node does not have: remove it first (gantry "
                       "cluster device remove), and add it again for an even number of nodes",
                       join->cluster);
        return FALSE;
    }
    g_autoptr(json_t) guests = ask_guests(join, join->member);
    numbers_take(join->taken, guests);
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(join->status, "nodes"), index, node)
    {
        const json_t *addresses = json_object_get(node, "addresses");
        for (size_t i = 0; i < LINKS && wire_get_boolean(node, "local", FALSE); i++)
            join->addresses[i] = g_strdup(json_string_value(json_array_get(addresses, i)));
    }
    if (wire_get_boolean(join->status, "quorate", FALSE) && join->addresses[0])
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STATE,
                   "cluster %s is not quorate on %s: see gantry -H %s cluster status",
                   join->cluster, link_name(join->member), link_name(join->member));
    return FALSE;
}

static gboolean look_at_joiner(Join *join, const char *target, GError **error)
{
    ClientNode *node = client_add(join->act->client, target, join->act->options, error);
    if (!node)
        return FALSE;
    Joiner *joiner = g_new0(Joiner, 1);
    joiner->link = node->link;
    joiner->name = link_name(node->link);
    g_ptr_array_add(join->joiners, joiner);
    g_autoptr(json_t) status =
        steps_ask(join->act, joiner->link, "cluster.status", json_object(), error);
    g_autoptr(json_t) links =
        status ? steps_ask(join->act, joiner->link, "link.list", json_object(), error) : NULL;
    if (!links)
        return FALSE;
    const char *present = wire_get_string(status, "cluster", NULL);
    if (present &&
        (strcmp(present, join->cluster) != 0 || wire_get_boolean(status, "quorate", FALSE))) {
        wire_error_set(error, WIRE_ERROR_STATE, "%s is in the cluster %s already", joiner->name,
                       present);
        return FALSE;
    }
    g_autoptr(json_t) guests = present ? NULL : ask_guests(join, joiner->link);
    joiner->changes = numbers_forecast(join->taken, guests);
    return choose_all(join, joiner, links, error);
}

static gboolean look(Join *join, GError **error)
{
    const json_t *params = join->act->arguments->params;
    const json_t *nodes = json_object_get(params, "node");
    size_t index;
    const json_t *node;
    if (json_array_size(nodes) > 1 &&
        (json_object_get(params, "link0") || json_object_get(params, "link1"))) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "link0",
                             "addresses can be given for one node at a time");
        return FALSE;
    }
    if (!look_at_member(join, error))
        return FALSE;
    json_array_foreach(nodes, index, node)
    {
        if (!look_at_joiner(join, json_string_value(node), error))
            return FALSE;
    }
    return TRUE;
}

/* ---- the plan ---- */

static void append_numbers(GString *text, const Join *join)
{
    gboolean first = TRUE;
    for (guint j = 0; j < join->joiners->len; j++) {
        const Joiner *joiner = join->joiners->pdata[j];
        for (guint i = 0; i < joiner->changes->len; i++) {
            const NumberChange *change = joiner->changes->pdata[i];
            g_autofree char *name = text_clean(change->name);
            if (first)
                g_string_append(text,
                                "\nGuests whose numbers are taken get others; tags, notes "
                                "and all else stay:\n\n");
            first = FALSE;
            g_string_append_printf(text, "  %-16s %s %s becomes number %d\n", joiner->name,
                                   change->id, name, change->number);
        }
    }
}

static void print_plan(const Join *join)
{
    size_t size = json_array_size(json_object_get(join->status, "nodes"));
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(
        text, "Cluster %s has %zu node%s and config version %d. To join:\n\n", join->cluster,
        size, size == 1 ? "" : "s", (int)wire_get_integer(join->status, "config_version", 0));
    for (guint j = 0; j < join->joiners->len; j++) {
        const Joiner *joiner = join->joiners->pdata[j];
        for (int i = 0; i < LINKS && joiner->addresses[i]; i++)
            g_string_append_printf(text, "  %-12s link %d  %-16s in the network of %s\n",
                                   i ? "" : joiner->name, i, joiner->addresses[i],
                                   join->addresses[i]);
    }
    g_string_append(
        text, "\nOn each of them the cluster's key and corosync.conf are written and corosync "
              "is started anew; guests go on running. On the members corosync reads the "
              "changed corosync.conf; nothing restarts there.\n");
    if (size == 1)
        g_string_append(text,
                        "Until the first of them has joined, the cluster of one node is not "
                        "quorate for seconds.\n");
    append_numbers(text, join);
    steps_say(join->act, text->str);
}

/* ---- doing it ---- */

static gboolean accept_on(const Join *join, const Joiner *joiner, const json_t *added,
                          GError **error)
{
    json_t *params = json_pack("{s:O,s:O}", "config", json_object_get(added, "config"), "key",
                               json_object_get(added, "key"));
    g_autoptr(json_t) accepted =
        steps_ask(join->act, joiner->link, "cluster.accept", params, error);
    return accepted &&
           steps_finish(join->act, joiner->link, wire_get_string(accepted, "task", ""), error);
}

/* The joiner could not: the member need not wait for it. */
static void take_back(const Join *join, const char *task)
{
    g_autoptr(json_t) cancelled =
        client_call(join->act->client, join->member, "task.cancel",
                    json_pack("{s:s}", "task", task), ANSWER_DEADLINE, NULL);
    g_autoptr(json_t) ended =
        cancelled ? act_wait_task(join->act, join->member, task, NULL) : NULL;
}

static gboolean join_one(const Join *join, const Joiner *joiner, GError **error)
{
    json_t *params = json_pack("{s:s}", "node", joiner->name);
    static const char *const keys[] = {"link0", "link1"};
    for (int i = 0; i < LINKS && joiner->addresses[i]; i++)
        json_object_set_new(params, keys[i], wire_string(joiner->addresses[i]));
    g_autoptr(json_t) added = steps_ask(join->act, join->member, "cluster.add", params, error);
    if (!added)
        return FALSE;
    const char *task = wire_get_string(added, "task", NULL);
    if (!accept_on(join, joiner, added, error)) {
        if (task)
            take_back(join, task);
        return FALSE;
    }
    if (!task || steps_finish(join->act, join->member, task, error))
        return TRUE;
    g_prefix_error(
        error,
        "%s has the files of the cluster, but is no member (gantry -H %s cluster leave "
        "--alone makes it forget them): ",
        joiner->name, joiner->name);
    return FALSE;
}

static gboolean join_all(const Join *join, GError **error)
{
    g_autoptr(json_t) rows = json_array();
    for (guint i = 0; i < join->joiners->len; i++) {
        const Joiner *joiner = join->joiners->pdata[i];
        if (!join_one(join, joiner, error))
            return FALSE;
        g_autofree char *line =
            g_strdup_printf("%s is a member of %s\n", joiner->name, join->cluster);
        steps_say(join->act, line);
        json_array_append_new(
            rows, json_pack("{s:s,s:s}", "node", joiner->name, "cluster", join->cluster));
    }
    return join->act->options->format == OUTPUT_TABLE || act_print(join->act, rows);
}

gboolean act_cluster_join(const Act *act, GError **error)
{
    Join join = {.act = act, .joiners = g_ptr_array_new_with_free_func(joiner_free)};
    join.taken = g_hash_table_new(NULL, NULL);
    join.member = act_find_link(act, error);
    gboolean good = join.member && look(&join, error);
    if (good)
        print_plan(&join);
    good = good && steps_confirm(act, "changed", error) && join_all(&join, error);
    for (int i = 0; i < LINKS; i++)
        g_free(join.addresses[i]);
    g_ptr_array_unref(join.joiners);
    g_hash_table_unref(join.taken);
    json_decref(join.status);
    json_decref(join.links);
    return good;
}
