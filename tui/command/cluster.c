/* cluster status: the cluster as one node sees it, for people. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/output.h"
#include "tui/model/cluster_words.h"
#include "tui/screen/text.h"

#include <string.h>

enum { ANSWER_DEADLINE = 30000 /* ms */ };

static const CommandColumn node_columns[] = {{"name", "NODE", AS_TEXT},
                                             {"id", "ID", AS_TEXT},
                                             {"state", "STATE", AS_TEXT},
                                             {"votes", "VOTES", AS_TEXT},
                                             {"config_version", "CONFIG", AS_TEXT},
                                             {"store", "STORE", AS_TEXT},
                                             {"clock", "CLOCK", AS_TEXT},
                                             {"addresses", "ADDRESSES", AS_TEXT},
                                             {NULL, NULL, AS_TEXT}};

static const CommandColumn link_columns[] = {
    {"node", "LINK TO", AS_TEXT},      {"link", "NO", AS_TEXT},
    {"address", "ADDRESS", AS_TEXT},   {"state", "STATE", AS_TEXT},
    {"latency_ms", "MS", AS_TEXT},     {"lost", "LOST", AS_TEXT},
    {"mtu", "MTU", AS_TEXT},           {"sent", "SENT", AS_TEXT},
    {"received", "RECEIVED", AS_TEXT}, {"retries", "AGAIN", AS_TEXT},
    {"errors", "ERRORS", AS_TEXT},     {NULL, NULL, AS_TEXT}};

static void append_head(GString *text, const json_t *status)
{
    const char *state = wire_get_string(status, "state", "?");
    g_autofree char *cluster = text_clean(wire_get_string(status, "cluster", "?"));
    g_autofree char *node = text_clean(wire_get_string(status, "node", "?"));
    if (g_str_equal(state, "none")) {
        g_string_append_printf(
            text, "%s is in no cluster. Make one with: gantry cluster create NAME\n", node);
        return;
    }
    g_string_append_printf(text, "cluster %s as %s sees it: ", cluster, node);
    if (!g_str_equal(state, "up")) {
        g_string_append(text, "not known");
        if (json_object_get(status, "nodes"))
            g_string_append_printf(text, ", what follows is %.0f s old",
                                   wire_get_number(status, "age", 0));
        g_string_append_c(text, '\n');
        return;
    }
    g_string_append_printf(text, "%s %d/%zu",
                           wire_get_boolean(status, "quorate", FALSE) ? "quorate"
                                                                      : "NOT QUORATE",
                           (int)wire_get_integer(status, "members", 0),
                           json_array_size(json_object_get(status, "nodes")));
    g_string_append_printf(text, ", %d of %d votes (%d needed), config version %d, ring %s\n",
                           (int)wire_get_integer(status, "votes", 0),
                           (int)wire_get_integer(status, "expected", 0),
                           (int)wire_get_integer(status, "quorum", 0),
                           (int)wire_get_integer(status, "config_version", 0),
                           wire_get_string(status, "ring", "?"));
}

static void append_description(GString *text, const json_t *status)
{
    const char *words = wire_get_string(json_object_get(status, "settings"), "description", "");
    g_autofree char *clean = text_clean(words);
    if (*words)
        g_string_append_printf(text, "%s\n", clean);
}

static void append_device(GString *text, const json_t *device)
{
    g_autofree char *words = device_words(device);
    if (!words)
        return;
    g_autofree char *clean = text_clean(words);
    g_string_append_printf(text, "quorum device %s\n", clean);
}

static void append_ring(GString *text, const json_t *ring)
{
    if (!json_is_object(ring))
        return;
    g_string_append_printf(text,
                           "ring: a token %d ms late is lost, %d were; %d messages sent again, "
                           "members found anew %d times since corosync started\n",
                           (int)wire_get_integer(ring, "token_timeout_ms", 0),
                           (int)wire_get_integer(ring, "lost_tokens", 0),
                           (int)wire_get_integer(ring, "retransmitted", 0),
                           (int)wire_get_integer(ring, "gathers", 0));
}

/* How far another node's clock is ahead of the asked one's: "+3 ms, to 12". */
static json_t *clock_words(const json_t *node)
{
    if (!json_is_real(json_object_get(node, "clock_ms")))
        return json_null();
    g_autofree char *words =
        g_strdup_printf("%+.0f ms, to %.0f", wire_get_number(node, "clock_ms", 0),
                        wire_get_number(node, "clock_uncertainty_ms", 0));
    return wire_string(words);
}

/* How far a node's documents are, and what it says of its store when it does not work. */
static json_t *store_words(const json_t *store)
{
    if (!json_is_object(store))
        return json_null();
    const char *state = wire_get_string(store, "state", "?");
    if (g_str_equal(state, "working"))
        return json_integer(wire_get_integer(store, "revision", 0));
    g_autofree char *words = g_strdup_printf(
        "%" G_GINT64_FORMAT " %s", (gint64)wire_get_integer(store, "revision", 0), state);
    return wire_string(words);
}

/* Rows for a table: what a node is, in a word. */
static json_t *node_rows(const json_t *nodes)
{
    double now = (double)g_get_real_time() / G_USEC_PER_SEC;
    json_t *rows = json_array();
    size_t index;
    json_t *node;
    json_array_foreach(nodes, index, node)
    {
        json_t *row = json_copy(node);
        g_autofree char *words = member_words(node, now);
        json_object_set_new(row, "state", wire_string(words));
        json_object_set_new(row, "clock", clock_words(node));
        json_object_set_new(row, "store", store_words(json_object_get(node, "store")));
        json_array_append_new(rows, row);
    }
    return rows;
}

static void append_table(GString *text, const CommandColumn *columns, const json_t *rows)
{
    if (json_array_size(rows) == 0)
        return;
    g_autofree char *table = output_table(columns, rows);
    g_string_append_printf(text, "\n%s", table);
}

static void append_problems(GString *text, const json_t *problems)
{
    size_t index;
    json_t *problem;
    if (json_array_size(problems) > 0)
        g_string_append_c(text, '\n');
    json_array_foreach(problems, index, problem)
    {
        g_autofree char *clean = text_clean(wire_get_string(problem, "text", ""));
        g_string_append_printf(text, "%s: %s\n", wire_get_string(problem, "severity", "error"),
                               clean);
    }
}

/* Status 1 when something is wrong, so that a script need not read. */
static gboolean print_status(const Act *act, const json_t *status)
{
    size_t index;
    json_t *problem;
    json_array_foreach(json_object_get(status, "problems"), index, problem)
    {
        if (g_str_equal(wire_get_string(problem, "severity", ""), "error"))
            *act->status = 1;
    }
    if (act->options->format != OUTPUT_TABLE)
        return act_print(act, status);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(json_t) nodes = node_rows(json_object_get(status, "nodes"));
    append_head(text, status);
    append_description(text, status);
    append_device(text, json_object_get(status, "device"));
    append_ring(text, json_object_get(status, "ring_statistics"));
    append_table(text, node_columns, nodes);
    append_table(text, link_columns, json_object_get(status, "links"));
    append_problems(text, json_object_get(status, "problems"));
    if (!output_print(text->str))
        *act->status = 1;
    return TRUE;
}

gboolean act_cluster_status(const Act *act, GError **error)
{
    Link *link = act_find_link(act, error);
    g_autoptr(json_t) status = link ? client_call(act->client, link, act->method->name,
                                                  json_object(), ANSWER_DEADLINE, error)
                                    : NULL;
    return status && print_status(act, status);
}
