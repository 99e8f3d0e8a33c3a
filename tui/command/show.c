/* Commands that read, and finding the node that an object is on. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/output.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_DEADLINE = 30000 /* ms, for what is not a wait */ };

int act_complain(const GError *error)
{
    g_autofree char *message = g_utf8_make_valid(error->message, -1);
    for (char *c = message; *c; c++)
        if ((guchar)*c < ' ' || *c == 0x7f)
            *c = ' ';
    fprintf(stderr, "gantry: %s\n", message);
    return wire_error_exit_status(wire_error_code(error));
}

gboolean act_print(const Act *act, const json_t *value)
{
    g_autofree char *text = NULL;
    if (act->options->format == OUTPUT_JSON)
        text = output_json(value);
    else if (act->options->format == OUTPUT_YAML)
        text = output_yaml(value);
    else if (json_is_array(value) && act->command->columns)
        text = output_table(act->command->columns, value);
    else if (json_is_object(value))
        text = output_object(value, act->command->object);
    else
        text = output_json(value);
    if (!output_print(text))
        *act->status = 1;
    return TRUE;
}

static json_t *parameters(const Act *act)
{
    return json_copy(act->arguments->params);
}

/* The parameter that names an object, and the method that looks it up. */
static const WireParameter *object_parameter(const WireMethod *method, const char **look_up)
{
    for (const WireParameter *p = method->parameters; p && p->name; p++) {
        *look_up = p->type == WIRE_TYPE_GUEST  ? "guest.show"
                   : p->type == WIRE_TYPE_TASK ? "task.show"
                                               : NULL;
        if (!*look_up && strcmp(method->name, "storage.show") == 0)
            *look_up = method->name;
        if (*look_up)
            return p;
    }
    return NULL;
}

/* One of several nodes has it: ask them all, so that a name that two of them
 * have is not taken for either. */
static Link *search(const Act *act, const WireParameter *parameter, const char *look_up,
                    GError **error)
{
    const json_t *name = json_object_get(act->arguments->params, parameter->name);
    g_autoptr(GError) worst = NULL;
    Link *found = NULL;
    for (guint i = 0; i < client_count(act->client); i++) {
        const ClientNode *node = client_node(act->client, i);
        g_autoptr(GError) failure = node->error ? g_error_copy(node->error) : NULL;
        g_autoptr(json_t) result = NULL;
        if (!failure) {
            json_t *params = json_object();
            json_object_set(params, parameter->name, (json_t *)(gintptr)name);
            result = client_call(act->client, node->link, look_up, params, ANSWER_DEADLINE,
                                 &failure);
        }
        if (result && found) {
            wire_error_set_field(error, WIRE_ERROR_AMBIGUOUS, parameter->name,
                                 "both %s and %s have '%s': name one of them with -H",
                                 link_name(found), link_name(node->link),
                                 json_string_value(name));
            return NULL;
        }
        if (result)
            found = node->link;
        /* A node that could not say weighs more than one that has it not. */
        if (failure && (!worst || wire_error_code(worst) == WIRE_ERROR_NOT_FOUND)) {
            g_clear_error(&worst);
            worst = g_steal_pointer(&failure);
        }
    }
    if (!found)
        g_propagate_error(error, g_steal_pointer(&worst));
    return found;
}

/* In a cluster whoever is asked for may be on another node than the one that was named: it
 * is asked first, and the others are reached only when it has it not. */
static Link *search_cluster(const Act *act, const WireParameter *parameter, const char *look_up,
                            GError **error)
{
    g_autoptr(GError) failure = NULL;
    Link *found = search(act, parameter, look_up, &failure);
    if (!found && wire_error_code(failure) == WIRE_ERROR_NOT_FOUND) {
        if (!client_add_peers(act->client, act->options, error))
            return NULL;
        g_clear_error(&failure);
        found = search(act, parameter, look_up, &failure);
    }
    if (!found)
        g_propagate_error(error, g_steal_pointer(&failure));
    return found;
}

static gboolean in_cluster(const Act *act)
{
    const ClientNode *node = client_node(act->client, 0);
    return !node->error && link_peer(node->link)->peers;
}

Link *act_find_link(const Act *act, GError **error)
{
    const char *look_up = NULL;
    const WireParameter *parameter = object_parameter(act->method, &look_up);
    gboolean named = parameter && json_object_get(act->arguments->params, parameter->name);
    if (named && in_cluster(act))
        return search_cluster(act, parameter, look_up, error);
    if (named && client_count(act->client) > 1)
        return search(act, parameter, look_up, error);
    if (client_count(act->client) > 1) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "%s is for one node: give -H once",
                       act->method->name);
        return NULL;
    }
    const ClientNode *node = client_node(act->client, 0);
    if (!node->error)
        return node->link;
    g_propagate_error(error, g_error_copy(node->error));
    return NULL;
}

/* Another one of its cluster has answered already. */
static gboolean is_answered_for(const Act *act, guint index)
{
    const json_t *peers = link_peer(client_node(act->client, index)->link)->peers;
    for (guint i = 0; peers && i < index; i++) {
        const ClientNode *other = client_node(act->client, i);
        if (!other->error && json_equal(peers, link_peer(other->link)->peers))
            return TRUE;
    }
    return FALSE;
}

/* Asks every node; tells of those that fail and goes on. */
static json_t *ask_all(const Act *act)
{
    gboolean same = act->command->kind == COMMAND_SAME;
    json_t *all = json_array();
    for (guint i = 0; i < client_count(act->client); i++) {
        const ClientNode *node = client_node(act->client, i);
        if (same && !node->error && is_answered_for(act, i))
            continue;
        g_autoptr(GError) error = node->error ? g_error_copy(node->error) : NULL;
        g_autoptr(json_t) result = NULL;
        if (!error)
            result = client_call(act->client, node->link, act->method->name, parameters(act),
                                 ANSWER_DEADLINE, &error);
        if (error)
            *act->status = act_complain(error);
        else if (act->command->key)
            json_array_extend(all, json_object_get(result, act->command->key));
        else
            json_array_append(all, result);
    }
    return all;
}

/* A table needs its columns only, which halves the work for many rows. */
static void ask_for_columns(const Act *act)
{
    const WireParameter *p = act->method->parameters;
    while (p && p->name && !g_str_equal(p->name, "fields"))
        p++;
    json_t *params = act->arguments->params;
    if (!p || !p->name || act->options->format != OUTPUT_TABLE ||
        json_object_get(params, p->name))
        return;
    json_t *fields = json_array();
    for (const CommandColumn *column = act->command->columns; column->key; column++)
        json_array_append_new(fields, json_string(column->key));
    json_object_set_new(params, p->name, fields);
}

gboolean act_list(const Act *act, GError **error)
{
    ask_for_columns(act);
    if (act->command->kind == COMMAND_LIST &&
        !client_add_peers(act->client, act->options, error))
        return FALSE;
    g_autoptr(json_t) rows = ask_all(act);
    if (json_array_size(rows) > 0 || *act->status == 0)
        act_print(act, rows);
    return TRUE;
}

static json_t *ask_one(const Act *act, GError **error)
{
    Link *link = act_find_link(act, error);
    guint deadline = g_str_equal(act->method->name, "task.wait") ? 0 : ANSWER_DEADLINE;
    return link ? client_call(act->client, link, act->method->name, parameters(act), deadline,
                              error)
                : NULL;
}

gboolean act_show(const Act *act, GError **error)
{
    const char *look_up;
    if (client_count(act->client) > 1 && !object_parameter(act->method, &look_up)) {
        /* node show over several nodes: one after the other */
        g_autoptr(json_t) all = ask_all(act);
        if (act->options->format != OUTPUT_TABLE)
            return act_print(act, all);
        size_t index;
        json_t *one;
        json_array_foreach(all, index, one)
        {
            if (index)
                output_print("\n");
            act_print(act, one);
        }
        return TRUE;
    }
    g_autoptr(json_t) result = ask_one(act, error);
    if (!result)
        return FALSE;
    if (g_str_equal(act->method->name, "task.wait") &&
        strcmp(wire_get_string(result, "state", ""), "done") != 0)
        *act->status = 1;
    return act_print(act, result);
}

/* A text or lines: raw for people, the result itself in the other formats. */
gboolean act_text(const Act *act, GError **error)
{
    g_autoptr(json_t) result = ask_one(act, error);
    if (!result)
        return FALSE;
    if (act->options->format != OUTPUT_TABLE)
        return act_print(act, result);
    const json_t *value = json_object_get(result, act->command->key);
    g_autoptr(GString) text = g_string_new(json_string_value(value));
    size_t index;
    json_t *line;
    json_array_foreach(value, index, line)
    {
        if (json_is_string(line))
            g_string_append_printf(text, "%s\n", json_string_value(line));
        else {
            g_autofree char *cell = output_cell(NULL, line);
            g_string_append_printf(text, "%s\n", cell);
        }
    }
    if (text->len && text->str[text->len - 1] != '\n')
        g_string_append_c(text, '\n');
    if (!output_print(text->str))
        *act->status = 1;
    return TRUE;
}

gboolean act_whoami(const Act *act, GError **error)
{
    static const CommandColumn columns[] = {
        {"node", "NODE", AS_TEXT},         {"user", "USER", AS_TEXT},
        {"role", "ROLE", AS_TEXT},         {"agent", "AGENT", AS_TEXT},
        {"protocol", "PROTOCOL", AS_TEXT}, {NULL, NULL, AS_TEXT}};
    Command command = *act->command;
    Act printing = *act;
    command.columns = columns;
    printing.command = &command;
    g_autoptr(json_t) rows = json_array();
    for (guint i = 0; i < client_count(act->client); i++) {
        const ClientNode *node = client_node(act->client, i);
        if (node->error) {
            *act->status = act_complain(node->error);
            continue;
        }
        const RpcPeer *peer = link_peer(node->link);
        g_autofree char *protocol = g_strdup_printf("%d.%d", peer->major, peer->minor);
        json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:s,s:s}", "node", peer->node,
                                              "user", peer->user, "role", peer->role, "agent",
                                              peer->agent, "protocol", protocol));
    }
    if (json_array_size(rows) > 0)
        act_print(&printing, rows);
    return TRUE;
}

static json_t *read_parameters(const char *text, GError **error)
{
    json_error_t where;
    json_t *params = text ? json_loads(text, JSON_REJECT_DUPLICATES, &where) : json_object();
    if (json_is_object(params))
        return params;
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "params",
                         "the parameters must be a JSON object: %s",
                         params ? "this is another value" : where.text);
    json_decref(params);
    return NULL;
}

gboolean act_api(const Act *act, char *const *words, GError **error)
{
    if (!words[0] || (words[1] && words[2])) {
        wire_error_set(error, WIRE_ERROR_PARAMS,
                       "api needs METHOD and at most one JSON object");
        return FALSE;
    }
    /* Any name goes: the agent may know methods that this program does not. */
    json_t *params = read_parameters(words[1], error);
    if (!params)
        return FALSE;
    if (client_count(act->client) > 1) {
        json_decref(params);
        wire_error_set(error, WIRE_ERROR_PARAMS, "api is for one node: give -H once");
        return FALSE;
    }
    const ClientNode *node = client_node(act->client, 0);
    if (node->error) {
        json_decref(params);
        g_propagate_error(error, g_error_copy(node->error));
        return FALSE;
    }
    g_autoptr(json_t) result = client_call(act->client, node->link, words[0], params, 0, error);
    if (!result)
        return FALSE;
    g_autofree char *text =
        act->options->format == OUTPUT_YAML ? output_yaml(result) : output_json(result);
    if (!output_print(text))
        *act->status = 1;
    return TRUE;
}
