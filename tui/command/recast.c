/* cluster address, link, rename: how a cluster is connected and called. A plan first, then
 * the task of a member; a rename goes on over a session to each node. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/network.h"
#include "tui/command/steps.h"

#include <string.h>

static const json_t *node_of(const json_t *status, const char *name)
{
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(status, "nodes"), index, node)
    {
        if (strcmp(wire_get_string(node, "name", ""), name) == 0)
            return node;
    }
    return NULL;
}

static gboolean told(const Act *act, const json_t *data, const char *line)
{
    if (act->options->format != OUTPUT_TABLE)
        return act_print(act, data);
    steps_say(act, line);
    return TRUE;
}

/* ---- address ---- */

/* Better asked now than taken back later. A node that is off can't be asked. */
static gboolean has_address(const Act *act, const json_t *node, const char *address,
                            GError **error)
{
    const char *name = wire_get_string(node, "name", "");
    if (!wire_get_boolean(node, "member", FALSE))
        return TRUE;
    Link *link = steps_member(act, name, error);
    g_autoptr(json_t) links =
        link ? steps_ask(act, link, "link.list", json_object(), error) : NULL;
    if (!links)
        return FALSE;
    if (network_has(links, address) || !g_hostname_is_ip_address(address))
        return TRUE;
    wire_error_set_field(error, WIRE_ERROR_STATE, "address",
                         "%s does not have the address %s: give it to the machine first", name,
                         address);
    return FALSE;
}

/* Another one must carry the cluster meanwhile. */
static gboolean has_link(const json_t *node, int number, GError **error)
{
    const json_t *addresses = json_object_get(node, "addresses");
    size_t index, count = 0;
    const json_t *one;
    json_array_foreach(addresses, index, one)
    {
        count += json_is_string(one) ? 1 : 0;
    }
    if (!json_is_string(json_array_get(addresses, (size_t)number)))
        wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "link",
                             "the cluster has no link %d: see gantry cluster status", number);
    else if (count < 2)
        wire_error_set(error, WIRE_ERROR_STATE,
                       "link %d is the only one, and the cluster can't do without it: add "
                       "another first, with gantry cluster link add NODE=ADDRESS...",
                       number);
    else
        return TRUE;
    return FALSE;
}

static void plan_address(const Act *act, const json_t *node, int number, const char *address)
{
    const char *before =
        json_string_value(json_array_get(json_object_get(node, "addresses"), (size_t)number));
    gboolean member = wire_get_boolean(node, "member", FALSE);
    g_autofree char *text = g_strdup_printf(
        "%s, link %d: %s instead of %s\n\n"
        "corosync takes another address only on a new link: first link %d goes at all "
        "nodes, while the others carry the cluster, then it comes back with the new address. "
        "Nothing restarts. When not all members are connected over it then, it is put back "
        "as it was.\n"
        "%s",
        wire_get_string(node, "name", ""), number, address, before ? before : "none", number,
        member ? ""
               : "The node is not seen now: it needs the new file before it gets in again, by "
                 "gantry cluster join.\n");
    steps_say(act, text);
}

gboolean act_cluster_address(const Act *act, GError **error)
{
    Link *link;
    const json_t *params = act->arguments->params;
    const char *name = wire_get_string(params, "node", "");
    const char *address = wire_get_string(params, "address", "");
    int number = (int)wire_get_integer(params, "link", 0);
    g_autoptr(json_t) status = steps_cluster(act, &link, error);
    if (!status)
        return FALSE;
    const json_t *node = node_of(status, name);
    if (!node) {
        wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "node", "the cluster has no node %s",
                             name);
        return FALSE;
    }
    if (!has_link(node, number, error) || !has_address(act, node, address, error))
        return FALSE;
    plan_address(act, node, number, address);
    g_autoptr(json_t) done =
        json_pack("{s:s,s:i,s:s}", "node", name, "link", number, "address", address);
    g_autofree char *line = g_strdup_printf("%s has %s on link %d\n", name, address, number);
    return steps_confirm(act, "changed", error) &&
           steps_do(act, link, "cluster.address", json_copy(done), error) &&
           told(act, done, line);
}

/* ---- link ---- */

static gboolean read_number(const json_t *words, guint64 *number, GError **error)
{
    const char *word = json_string_value(json_array_get(words, 0));
    if (json_array_size(words) == 1 && g_ascii_string_to_unsigned(word, 10, 0, 7, number, NULL))
        return TRUE;
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "what",
                         "which link is to go: a number of gantry cluster status");
    return FALSE;
}

static void plan_link(const Act *act, const json_t *words, gboolean adding)
{
    g_autoptr(GString) text = g_string_new(adding ? "A new link:\n\n" : "Removing link ");
    size_t index;
    const json_t *word;
    json_array_foreach(words, index, word)
    {
        g_string_append_printf(text, adding ? "  %s\n" : "%s:", json_string_value(word));
    }
    g_string_append(text, adding ? "\ncorosync on all nodes reads the changed corosync.conf; "
                                   "nothing restarts. When not all members are connected over "
                                   "it then, it is taken back.\n"
                                 : " the cluster goes over what is left. Nothing restarts.\n");
    steps_say(act, text->str);
}

gboolean act_cluster_link(const Act *act, GError **error)
{
    Link *link;
    const json_t *words = json_object_get(act->arguments->params, "what");
    gboolean adding = g_str_equal(wire_get_string(act->arguments->params, "act", ""), "add");
    guint64 number = 0;
    g_autoptr(json_t) status = steps_cluster(act, &link, error);
    if (!status || (!adding && !read_number(words, &number, error)))
        return FALSE;
    plan_link(act, words, adding);
    if (!steps_confirm(act, "changed", error))
        return FALSE;
    gboolean good = adding ? steps_do(act, link, "cluster.link_add",
                                      json_pack("{s:O}", "addresses", words), error)
                           : steps_do(act, link, "cluster.link_remove",
                                      json_pack("{s:I}", "link", (json_int_t)number), error);
    g_autoptr(json_t) done = json_object();
    return good && told(act, done, adding ? "the link is up\n" : "the link is gone\n");
}

/* ---- rename ---- */

/* One after the other, and each waits until it is back: there is never more than one away. */
static gboolean restart_all(const Act *act, const json_t *status, const char *name,
                            GError **error)
{
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(status, "nodes"), index, node)
    {
        const char *node_name = wire_get_string(node, "name", "");
        Link *link = steps_member(act, node_name, error);
        if (!link || !steps_do(act, link, "cluster.restart", json_object(), error)) {
            g_prefix_error(error,
                           "the cluster is called %s, but not yet at all nodes (gantry -H NODE "
                           "cluster restart): ",
                           name);
            return FALSE;
        }
        g_autofree char *line = g_strdup_printf("%s knows the new name\n", node_name);
        steps_say(act, line);
    }
    return TRUE;
}

static gboolean all_are_there(const json_t *status, GError **error)
{
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(status, "nodes"), index, node)
    {
        if (wire_get_boolean(node, "member", FALSE))
            continue;
        wire_error_set(error, WIRE_ERROR_STATE,
                       "%s is not seen in the cluster: start it first, it would keep the "
                       "earlier name",
                       wire_get_string(node, "name", ""));
        return FALSE;
    }
    return TRUE;
}

gboolean act_cluster_rename(const Act *act, GError **error)
{
    Link *link;
    const char *name = wire_get_string(act->arguments->params, "name", "");
    g_autoptr(json_t) status = steps_cluster(act, &link, error);
    if (!status || !all_are_there(status, error))
        return FALSE;
    size_t size = json_array_size(json_object_get(status, "nodes"));
    g_autofree char *text = g_strdup_printf(
        "%s is to be called %s.\n\n"
        "First corosync.conf is changed on all nodes. Then corosync is started anew on one "
        "node after the other, each waits until it is back; guests go on running.%s\n",
        wire_get_string(status, "cluster", ""), name,
        size < 3 ? "\nWhile it starts, for seconds, the cluster is not quorate." : "");
    steps_say(act, text);
    g_autoptr(json_t) done = json_pack("{s:s}", "cluster", name);
    g_autofree char *line = g_strdup_printf("the cluster is called %s\n", name);
    return steps_confirm(act, "changed", error) &&
           steps_do(act, link, "cluster.rename", json_pack("{s:s}", "name", name), error) &&
           restart_all(act, status, name, error) && told(act, done, line);
}
