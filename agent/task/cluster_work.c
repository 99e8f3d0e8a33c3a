#include "agent/task/cluster_work.h"

#include "agent/task/cluster_change.h"
#include "backend/cluster/corosync_device.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

const char *cluster_work_param(const ClusterWork *work, const char *key)
{
    return wire_get_string(work->request->params, key, NULL);
}

gboolean cluster_work_load(const ClusterWork *work, CorosyncText **base, CorosyncText **target,
                           GError **error)
{
    g_autoptr(CorosyncText) conf = corosync_file_load(work->directory, COROSYNC_CONF, error);
    if (!conf || !corosync_conf_check(conf, error))
        return FALSE;
    *target = corosync_text_copy(conf);
    corosync_conf_set_version(*target, corosync_conf_version(conf) + 1);
    *base = g_steal_pointer(&conf);
    return TRUE;
}

/* ---- nodes ---- */

static gboolean is_member(const MembershipView *view, gconstpointer user)
{
    const MembershipNode *node = membership_view_named(view, user);
    return node && node->member;
}

gboolean cluster_work_add(ClusterWork *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    CorosyncNode node = {.name = (char *)(gintptr)cluster_work_param(work, "node"),
                         .votes = 1,
                         .addresses = {(char *)(gintptr)cluster_work_param(work, "link0"),
                                       (char *)(gintptr)cluster_work_param(work, "link1")}};
    if (!cluster_work_load(work, &base, &target, error))
        return FALSE;
    node.id = corosync_conf_free_id(base);
    if (!corosync_conf_add_node(target, &node, error))
        return FALSE;
    g_autofree char *missing = g_strdup_printf("%s did not become a member", node.name);
    ClusterChange change = {.base = base,
                            .target = target,
                            .holds = is_member,
                            .user = node.name,
                            .waiting = "waiting for the node to join",
                            .missing = missing};
    return cluster_change_lead(&change, work->job, error);
}

gboolean cluster_work_remove(ClusterWork *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    if (!cluster_work_load(work, &base, &target, error) ||
        !corosync_conf_remove_node(target, cluster_work_param(work, "node"), error))
        return FALSE;
    ClusterChange change = {.base = base, .target = target};
    return cluster_change_lead(&change, work->job, error);
}

/* ---- the quorum device ---- */

static gboolean device_votes(const MembershipView *view, gconstpointer user)
{
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        if (node->member && !node->device_votes)
            return FALSE;
    }
    return TRUE;
}

gboolean cluster_work_device_add(ClusterWork *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    const char *host = cluster_work_param(work, "host");
    if (!cluster_work_load(work, &base, &target, error) ||
        !corosync_device_add(target, host, cluster_work_param(work, "algorithm"), error))
        return FALSE;
    g_autofree char *missing = g_strdup_printf(
        "the quorum device gave no vote: does corosync-qnetd run on %s, is its TCP port 5403 "
        "open to all nodes, and does corosync-qdevice run on them?",
        host);
    ClusterChange change = {.base = base,
                            .target = target,
                            .holds = device_votes,
                            .waiting = "waiting for the device's vote",
                            .missing = missing};
    return cluster_change_lead(&change, work->job, error);
}

gboolean cluster_work_device_remove(ClusterWork *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    if (!cluster_work_load(work, &base, &target, error) ||
        !corosync_device_remove(target, error))
        return FALSE;
    ClusterChange change = {.base = base, .target = target};
    return cluster_change_lead(&change, work->job, error);
}

/* ---- links ---- */

/* All members that this node sees, over that link. */
static gboolean is_connected(const MembershipView *view, gconstpointer user)
{
    guint link = GPOINTER_TO_UINT(user);
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        gboolean up = !node->member || node->id == view->own;
        for (guint l = 0; l < node->links->len && !up; l++) {
            const MembershipLink *one = &g_array_index(node->links, MembershipLink, l);
            up = one->link == link && one->connected;
        }
        if (!up)
            return FALSE;
    }
    return TRUE;
}

/* A change after which all members must be connected over that link. */
static gboolean lead_link(const ClusterWork *work, const CorosyncText *base,
                          const CorosyncText *target, guint link, GError **error)
{
    g_autofree char *missing = g_strdup_printf(
        "link %u did not connect all members: are its addresses right, and is UDP port %u open "
        "between the nodes?",
        link, 5405 + link);
    ClusterChange change = {.base = base,
                            .target = target,
                            .holds = is_connected,
                            .user = GUINT_TO_POINTER(link),
                            .waiting = "waiting for the link",
                            .missing = missing};
    return cluster_change_lead(&change, work->job, error);
}

/* Of the file's nodes in their order; those of `given` (NODE=ADDRESS, may be NULL) instead
 * of those that the link has. */
static GPtrArray *addresses_of(const CorosyncText *conf, guint link, const char *const *given)
{
    g_autoptr(GPtrArray) nodes = corosync_conf_nodes(conf);
    GPtrArray *addresses = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < nodes->len; i++) {
        const CorosyncNode *node = nodes->pdata[i];
        char *address = g_strdup(node->addresses[link]);
        for (const char *const *word = given; word && *word; word++) {
            size_t length = strlen(node->name);
            if (strncmp(*word, node->name, length) != 0 || (*word)[length] != '=')
                continue;
            g_free(address);
            address = g_strdup(*word + length + 1);
        }
        g_ptr_array_add(addresses, address);
    }
    return addresses;
}

static gboolean set_link(CorosyncText *conf, guint link, const GPtrArray *addresses,
                         GError **error)
{
    return corosync_conf_set_link(conf, link, (const char *const *)addresses->pdata, error);
}

/* The link as it was, in a version of its own. */
static void restore_link(const ClusterWork *work, guint link, const GPtrArray *addresses)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    g_autoptr(GError) error = NULL;
    job_log(work->job, "bringing back link %u as it was", link);
    if (!cluster_work_load(work, &base, &target, &error) ||
        !set_link(target, link, addresses, &error)) {
        job_log(work->job, "%s", error->message);
        return;
    }
    ClusterChange change = {.base = base, .target = target};
    if (!cluster_change_lead(&change, work->job, &error))
        job_log(work->job, "the cluster is without link %u: %s", link, error->message);
}

gboolean cluster_work_address(ClusterWork *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, without = NULL, target = NULL;
    guint link = (guint)wire_get_integer(work->request->params, "link", 0);
    g_autofree char *word = g_strdup_printf("%s=%s", cluster_work_param(work, "node"),
                                            cluster_work_param(work, "address"));
    const char *const given[] = {word, NULL};
    if (!cluster_work_load(work, &base, &without, error))
        return FALSE;
    g_autoptr(GPtrArray) before = addresses_of(base, link, NULL);
    g_autoptr(GPtrArray) after = addresses_of(base, link, given);
    target = corosync_text_copy(base);
    corosync_conf_set_version(target, corosync_conf_version(base) + 2);
    corosync_conf_remove_link(without, link);
    if (!set_link(target, link, after, error) || !corosync_conf_check(without, error))
        return FALSE;
    job_log(work->job, "first link %u goes, at all nodes: the others carry the cluster", link);
    ClusterChange removal = {.base = base, .target = without};
    if (!cluster_change_lead(&removal, work->job, error))
        return FALSE;
    job_log(work->job, "then it comes back, with %s", word);
    if (lead_link(work, without, target, link, error))
        return TRUE;
    restore_link(work, link, before);
    return FALSE;
}

static GStrv words_of(const json_t *list)
{
    GPtrArray *words = g_ptr_array_new();
    size_t index;
    const json_t *word;
    json_array_foreach(list, index, word)
    {
        g_ptr_array_add(words, g_strdup(json_string_value(word)));
    }
    g_ptr_array_add(words, NULL);
    return (GStrv)g_ptr_array_free(words, FALSE);
}

gboolean cluster_work_link_add(ClusterWork *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    if (!cluster_work_load(work, &base, &target, error))
        return FALSE;
    guint link = corosync_conf_free_link(base);
    g_auto(GStrv) given = words_of(json_object_get(work->request->params, "addresses"));
    if (link >= COROSYNC_LINKS_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "there are %d links already, corosync's most",
                       COROSYNC_LINKS_MAX);
        return FALSE;
    }
    g_autoptr(GPtrArray) addresses = addresses_of(base, link, (const char *const *)given);
    return set_link(target, link, addresses, error) &&
           lead_link(work, base, target, link, error);
}

gboolean cluster_work_link_remove(ClusterWork *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    if (!cluster_work_load(work, &base, &target, error))
        return FALSE;
    corosync_conf_remove_link(target,
                              (guint)wire_get_integer(work->request->params, "link", 0));
    if (!corosync_conf_check(target, error))
        return FALSE;
    ClusterChange change = {.base = base, .target = target};
    return cluster_change_lead(&change, work->job, error);
}

/* ---- the name ---- */

gboolean cluster_work_rename(ClusterWork *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    if (!cluster_work_load(work, &base, &target, error))
        return FALSE;
    corosync_conf_rename(target, cluster_work_param(work, "name"));
    ClusterChange change = {.base = base, .target = target};
    return cluster_change_lead(&change, work->job, error);
}
