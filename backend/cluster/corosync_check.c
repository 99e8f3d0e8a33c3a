/* What a corosync.conf may say. */
#include "backend/cluster/corosync_conf.h"
#include "backend/wire/error.h"

#include <arpa/inet.h>
#include <string.h>

enum {
    TOKEN_MIN = 300,
    TOKEN_MAX = 600000,
    VOTES_MAX = 255,
    EXPECTED_MAX = 8192,
    LABEL_MAX = 63,
    HOST_MAX = 253
};

/* ---- words ---- */

static gboolean is_name(const char *text, size_t max, const char *extra)
{
    size_t length = text ? strlen(text) : 0;
    if (length == 0 || length > max || !g_ascii_isalnum(*text))
        return FALSE;
    for (; *text; text++)
        if (!g_ascii_isalnum(*text) && !strchr(extra, *text))
            return FALSE;
    return TRUE;
}

gboolean corosync_name_is_valid(const char *name)
{
    return is_name(name, COROSYNC_NAME_MAX, "._-");
}

gboolean corosync_node_name_is_valid(const char *name)
{
    return is_name(name, LABEL_MAX, ".-_");
}

gboolean corosync_address_is_valid(const char *address)
{
    struct in6_addr bytes;
    return address && (inet_pton(AF_INET, address, &bytes) == 1 ||
                       inet_pton(AF_INET6, address, &bytes) == 1 ||
                       (is_name(address, HOST_MAX, ".-") &&
                        strspn(address, "0123456789.") != strlen(address)));
}

/* ---- reading a value ---- */

typedef struct {
    const CorosyncText *conf;
    GError **error;
} Check;

static gboolean wrong(const Check *check, guint line, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static gboolean wrong(const Check *check, guint line, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    g_autofree char *what = g_strdup_vprintf(format, values);
    va_end(values);
    if (line)
        wire_error_set(check->error, WIRE_ERROR_CONFIG, "corosync.conf:%u: %s", line, what);
    else
        wire_error_set(check->error, WIRE_ERROR_CONFIG, "corosync.conf: %s", what);
    return FALSE;
}

static gboolean check_number(const Check *check, const char *section, guint index,
                             const char *key, guint64 min, guint64 max, gboolean required)
{
    guint line = 0;
    guint64 number;
    const char *text = corosync_text_get(check->conf, section, index, key, &line);
    if (!text)
        return !required || wrong(check, 0, "%s.%s is missing", section, key);
    if (g_ascii_string_to_unsigned(text, 10, min, max, &number, NULL))
        return TRUE;
    return wrong(check, line,
                 "%s.%s: expected a whole number from %" G_GUINT64_FORMAT
                 " to %" G_GUINT64_FORMAT ", found \"%s\"",
                 section, key, min, max, text);
}

static gboolean check_choice(const Check *check, const char *section, const char *key,
                             const char *choices, gboolean required)
{
    guint line = 0;
    const char *text = corosync_text_get(check->conf, section, 0, key, &line);
    g_auto(GStrv) words = g_strsplit(choices, "|", -1);
    if (!text)
        return !required || wrong(check, 0, "%s.%s is missing", section, key);
    if (g_strv_contains((const char *const *)words, text))
        return TRUE;
    g_autofree char *all = g_strjoinv(" or ", words);
    return wrong(check, line, "%s.%s: expected %s, found \"%s\"", section, key, all, text);
}

/* ---- checking ---- */

static gboolean check_totem(const Check *check)
{
    guint line = 0;
    const char *name = corosync_text_get(check->conf, "totem", 0, "cluster_name", &line);
    if (!name)
        return wrong(check, 0, "totem.cluster_name is missing");
    if (!corosync_name_is_valid(name))
        return wrong(check, line,
                     "totem.cluster_name: expected 1 to 32 letters, digits, dots, dashes and "
                     "underscores, found \"%s\"",
                     name);
    return check_choice(check, "totem", "version", "2", TRUE) &&
           check_choice(check, "totem", "transport", "knet", FALSE) &&
           check_choice(check, "totem", "crypto_cipher", "none|aes256|aes192|aes128", FALSE) &&
           check_choice(check, "totem", "crypto_hash", "none|md5|sha1|sha256|sha384|sha512",
                        FALSE) &&
           check_number(check, "totem", 0, "config_version", 1, G_MAXINT64, FALSE) &&
           check_number(check, "totem", 0, "token", TOKEN_MIN, TOKEN_MAX, FALSE);
}

static gboolean check_quorum(const Check *check)
{
    return check_choice(check, "quorum", "provider", "corosync_votequorum", TRUE) &&
           check_number(check, "quorum", 0, "expected_votes", 1, EXPECTED_MAX, FALSE) &&
           check_choice(check, "quorum", "two_node", "0|1", FALSE) &&
           check_number(check, "quorum.device", 0, "votes", 0, VOTES_MAX, FALSE);
}

static gboolean check_addresses(const Check *check, const CorosyncNode *node,
                                const CorosyncNode *first, GHashTable *seen)
{
    if (corosync_node_links(node) == 0)
        return wrong(check, 0, "node %s has no address: ring0_addr is missing", node->name);
    for (guint i = 0; i < COROSYNC_LINKS_MAX; i++) {
        if ((node->addresses[i] != NULL) != (first->addresses[i] != NULL))
            return wrong(check, 0,
                         "node %s: every node needs the same links, ring%u_addr is not at all "
                         "of them",
                         node->name, i);
        if (!node->addresses[i])
            continue;
        if (!corosync_address_is_valid(node->addresses[i]))
            return wrong(check, 0, "node %s: ring%u_addr: \"%s\" is no address", node->name, i,
                         node->addresses[i]);
        if (!g_hash_table_add(seen, node->addresses[i]))
            return wrong(check, 0, "node %s: ring%u_addr: %s is there already", node->name, i,
                         node->addresses[i]);
    }
    return TRUE;
}

static gboolean check_nodes(const Check *check)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) ids = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) addresses = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) nodes = NULL;
    guint count = corosync_text_count(check->conf, "nodelist.node");
    if (count == 0 || count > COROSYNC_NODES_MAX)
        return wrong(check, 0, "a cluster has 1 to %d nodes, this one %u", COROSYNC_NODES_MAX,
                     count);
    nodes = corosync_conf_nodes(check->conf);
    for (guint i = 0; i < count; i++) {
        const CorosyncNode *node = nodes->pdata[i];
        if (!check_number(check, "nodelist.node", i, "nodeid", 1, COROSYNC_ID_MAX, TRUE) ||
            !check_number(check, "nodelist.node", i, "quorum_votes", 0, VOTES_MAX, FALSE))
            return FALSE;
        if (!corosync_node_name_is_valid(node->name))
            return wrong(check, 0, "node %u has no name, or none that a host can have",
                         node->id);
        if (!g_hash_table_add(names, node->name))
            return wrong(check, 0, "two nodes have the name %s", node->name);
        if (!g_hash_table_add(ids, GUINT_TO_POINTER(node->id)))
            return wrong(check, 0, "two nodes have the nodeid %u", node->id);
        if (!check_addresses(check, node, nodes->pdata[0], addresses))
            return FALSE;
    }
    return TRUE;
}

gboolean corosync_conf_check(const CorosyncText *conf, GError **error)
{
    Check check = {conf, error};
    return check_totem(&check) && check_quorum(&check) && check_nodes(&check);
}
