#include "backend/cluster/corosync_conf.h"

#include "backend/wire/error.h"

#include <string.h>

static const char template[] = "# made by Gantry, which changes only what it is asked to\n"
                               "totem {\n"
                               "    version: 2\n"
                               "    cluster_name: gantry\n"
                               "    config_version: 1\n"
                               "    transport: knet\n"
                               "    crypto_cipher: aes256\n"
                               "    crypto_hash: sha256\n"
                               "}\n"
                               "\n"
                               "quorum {\n"
                               "    provider: corosync_votequorum\n"
                               "}\n"
                               "\n"
                               "logging {\n"
                               "    to_stderr: no\n"
                               "    to_logfile: yes\n"
                               "    logfile: /var/log/corosync/corosync.log\n"
                               "    to_syslog: yes\n"
                               "    timestamp: on\n"
                               "}\n"
                               "\n"
                               "nodelist {\n"
                               "}\n";

void corosync_node_free(CorosyncNode *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < COROSYNC_LINKS_MAX; i++)
        g_free(node->addresses[i]);
    g_free(node->name);
    g_free(node);
}

guint corosync_node_links(const CorosyncNode *node)
{
    guint count = COROSYNC_LINKS_MAX;
    while (count > 0 && !node->addresses[count - 1])
        count--;
    return count;
}

/* ---- reading ---- */

static guint64 number_of(const CorosyncText *conf, const char *section, guint index,
                         const char *key, guint64 fallback)
{
    guint64 number = fallback;
    const char *text = corosync_text_get(conf, section, index, key, NULL);
    if (text)
        (void)g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &number, NULL);
    return number;
}

static CorosyncNode *read_node(const CorosyncText *conf, guint index)
{
    CorosyncNode *node = g_new0(CorosyncNode, 1);
    node->id = (guint)number_of(conf, "nodelist.node", index, "nodeid", 0);
    node->votes = (guint)number_of(conf, "nodelist.node", index, "quorum_votes", 1);
    node->name = g_strdup(corosync_text_get(conf, "nodelist.node", index, "name", NULL));
    for (int i = 0; i < COROSYNC_LINKS_MAX; i++) {
        char key[16];
        g_snprintf(key, sizeof key, "ring%d_addr", i);
        node->addresses[i] =
            g_strdup(corosync_text_get(conf, "nodelist.node", index, key, NULL));
    }
    return node;
}

GPtrArray *corosync_conf_nodes(const CorosyncText *conf)
{
    GPtrArray *nodes = g_ptr_array_new_with_free_func((GDestroyNotify)corosync_node_free);
    for (guint i = 0; i < corosync_text_count(conf, "nodelist.node"); i++)
        g_ptr_array_add(nodes, read_node(conf, i));
    return nodes;
}

CorosyncText *corosync_conf_parse(const char *text, size_t length, GError **error)
{
    g_autoptr(CorosyncText) conf = corosync_text_parse(text, length, error);
    return conf && corosync_conf_check(conf, error) ? g_steal_pointer(&conf) : NULL;
}

/* ---- what it says ---- */

const char *corosync_conf_cluster(const CorosyncText *conf)
{
    return corosync_text_get(conf, "totem", 0, "cluster_name", NULL);
}

guint64 corosync_conf_version(const CorosyncText *conf)
{
    return number_of(conf, "totem", 0, "config_version", 0);
}

void corosync_conf_set_version(CorosyncText *conf, guint64 version)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, version);
    corosync_text_set(conf, "totem", 0, "config_version", text);
}

guint64 corosync_conf_store(const CorosyncText *conf)
{
    return number_of(conf, "gantry", 0, "store", 0);
}

void corosync_conf_set_store(CorosyncText *conf, guint64 number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    corosync_text_set(conf, "gantry", 0, "store", text);
}

gboolean corosync_conf_is_encrypted(const CorosyncText *conf)
{
    const char *cipher = corosync_text_get(conf, "totem", 0, "crypto_cipher", NULL);
    const char *hash = corosync_text_get(conf, "totem", 0, "crypto_hash", NULL);
    return cipher && hash && strcmp(cipher, "none") != 0 && strcmp(hash, "none") != 0;
}

gboolean corosync_conf_is_two_node(const CorosyncText *conf)
{
    return number_of(conf, "quorum", 0, "two_node", 0) == 1;
}

CorosyncNode *corosync_conf_node(const CorosyncText *conf, const char *name)
{
    for (guint i = 0; i < corosync_text_count(conf, "nodelist.node"); i++)
        if (g_strcmp0(corosync_text_get(conf, "nodelist.node", i, "name", NULL), name) == 0)
            return read_node(conf, i);
    return NULL;
}

gboolean corosync_conf_is_untouched(const CorosyncText *conf)
{
    if (corosync_text_count(conf, "nodelist.node") != 1)
        return corosync_text_count(conf, "nodelist.node") == 0;
    const char *address = corosync_text_get(conf, "nodelist.node", 0, "ring0_addr", NULL);
    return address && (g_str_has_prefix(address, "127.") || strcmp(address, "::1") == 0 ||
                       strcmp(address, "localhost") == 0);
}

/* ---- changes ---- */

CorosyncText *corosync_conf_new(const char *cluster)
{
    CorosyncText *conf = corosync_text_parse(template, strlen(template), NULL);
    corosync_text_set(conf, "totem", 0, "cluster_name", cluster);
    return conf;
}

guint corosync_conf_free_id(const CorosyncText *conf)
{
    g_autoptr(GPtrArray) nodes = corosync_conf_nodes(conf);
    for (guint id = 1;; id++) {
        gboolean taken = FALSE;
        for (guint i = 0; i < nodes->len && !taken; i++)
            taken = ((const CorosyncNode *)nodes->pdata[i])->id == id;
        if (!taken)
            return id;
    }
}

static gboolean is_free(const GPtrArray *nodes, const CorosyncNode *node, GError **error)
{
    for (guint i = 0; i < nodes->len; i++) {
        const CorosyncNode *other = nodes->pdata[i];
        if (g_str_equal(other->name, node->name) || other->id == node->id) {
            wire_error_set(error, WIRE_ERROR_BUSY,
                           "the cluster has a node %s with number %u already", other->name,
                           other->id);
            return FALSE;
        }
        for (guint l = 0; l < corosync_node_links(node); l++)
            for (guint m = 0; m < corosync_node_links(other); m++)
                if (node->addresses[l] &&
                    g_strcmp0(node->addresses[l], other->addresses[m]) == 0) {
                    wire_error_set(error, WIRE_ERROR_BUSY, "%s has the address %s already",
                                   other->name, other->addresses[m]);
                    return FALSE;
                }
    }
    return TRUE;
}

void corosync_conf_adjust_expected(CorosyncText *conf, guint more, guint less)
{
    char text[16];
    guint expected = (guint)number_of(conf, "quorum", 0, "expected_votes", 0);
    if (!expected)
        return;
    g_snprintf(text, sizeof text, "%u", MAX(expected + more, less + 1) - less);
    corosync_text_set(conf, "quorum", 0, "expected_votes", text);
}

static void write_node(CorosyncText *conf, const CorosyncNode *node)
{
    char number[16], key[16];
    guint index = corosync_text_add(conf, "nodelist.node");
    g_snprintf(number, sizeof number, "%u", node->id);
    corosync_text_set(conf, "nodelist.node", index, "nodeid", number);
    corosync_text_set(conf, "nodelist.node", index, "name", node->name);
    for (guint i = 0; i < corosync_node_links(node); i++) {
        if (!node->addresses[i])
            continue;
        g_snprintf(key, sizeof key, "ring%u_addr", i);
        corosync_text_set(conf, "nodelist.node", index, key, node->addresses[i]);
    }
    g_snprintf(number, sizeof number, "%u", node->votes);
    if (node->votes != 1)
        corosync_text_set(conf, "nodelist.node", index, "quorum_votes", number);
    corosync_conf_adjust_expected(conf, node->votes, 0);
    corosync_text_set(conf, "quorum", 0, "two_node", NULL);
}

gboolean corosync_conf_add_node(CorosyncText *conf, const CorosyncNode *node, GError **error)
{
    g_autoptr(GPtrArray) nodes = corosync_conf_nodes(conf);
    if (nodes->len >= COROSYNC_NODES_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "a cluster has at most %d nodes",
                       COROSYNC_NODES_MAX);
        return FALSE;
    }
    if (!is_free(nodes, node, error))
        return FALSE;
    g_autoptr(CorosyncText) changed = corosync_text_copy(conf);
    write_node(changed, node);
    if (!corosync_conf_check(changed, error))
        return FALSE;
    write_node(conf, node);
    return TRUE;
}

gboolean corosync_conf_remove_node(CorosyncText *conf, const char *name, GError **error)
{
    guint count = corosync_text_count(conf, "nodelist.node");
    for (guint i = 0; i < count; i++) {
        if (g_strcmp0(corosync_text_get(conf, "nodelist.node", i, "name", NULL), name) != 0)
            continue;
        if (count == 1) {
            wire_error_set(
                error, WIRE_ERROR_STATE,
                "%s is the last node of the cluster: it can leave, but not be removed", name);
            return FALSE;
        }
        corosync_conf_adjust_expected(
            conf, 0, (guint)number_of(conf, "nodelist.node", i, "quorum_votes", 1));
        corosync_text_remove(conf, "nodelist.node", i);
        corosync_text_set(conf, "quorum", 0, "two_node", NULL);
        return TRUE;
    }
    wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "node", "the cluster has no node %s",
                         name);
    return FALSE;
}

/* ---- links ---- */

static void link_key(char key[static 16], guint link)
{
    g_snprintf(key, 16, "ring%u_addr", link);
}

gboolean corosync_conf_has_link(const CorosyncText *conf, guint link)
{
    char key[16];
    link_key(key, link);
    return corosync_text_get(conf, "nodelist.node", 0, key, NULL) != NULL;
}

guint corosync_conf_free_link(const CorosyncText *conf)
{
    guint link = 0;
    while (link < COROSYNC_LINKS_MAX && corosync_conf_has_link(conf, link))
        link++;
    return link;
}

guint corosync_conf_count_links(const CorosyncText *conf)
{
    guint count = 0;
    for (guint i = 0; i < COROSYNC_LINKS_MAX; i++)
        count += corosync_conf_has_link(conf, i) ? 1 : 0;
    return count;
}

void corosync_conf_remove_link(CorosyncText *conf, guint link)
{
    char key[16];
    link_key(key, link);
    for (guint i = 0; i < corosync_text_count(conf, "nodelist.node"); i++)
        corosync_text_set(conf, "nodelist.node", i, key, NULL);
}

gboolean corosync_conf_set_link(CorosyncText *conf, guint link, const char *const *addresses,
                                GError **error)
{
    g_autoptr(CorosyncText) changed = corosync_text_copy(conf);
    char key[16];
    link_key(key, link);
    for (guint i = 0; i < corosync_text_count(conf, "nodelist.node"); i++)
        corosync_text_set(changed, "nodelist.node", i, key, addresses[i]);
    if (!corosync_conf_check(changed, error))
        return FALSE;
    for (guint i = 0; i < corosync_text_count(conf, "nodelist.node"); i++)
        corosync_text_set(conf, "nodelist.node", i, key, addresses[i]);
    return TRUE;
}

void corosync_conf_rename(CorosyncText *conf, const char *cluster)
{
    corosync_text_set(conf, "totem", 0, "cluster_name", cluster);
}
