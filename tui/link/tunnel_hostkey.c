#include "tui/link/tunnel_private.h"

#include "backend/wire/error.h"

#include <string.h>

enum { KNOWN_HOSTS_MAX = 16 << 20 };

static char *fingerprint(ssh_key key)
{
    unsigned char *hash = NULL;
    size_t length = 0;
    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != SSH_OK)
        return g_strdup("?");
    char *text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
    char *copy = g_strdup(text ? text : "?");
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
    return copy;
}

static char *option(Tunnel *tunnel, enum ssh_options_e which)
{
    char *text = NULL;
    char *copy =
        ssh_options_get(tunnel->session, which, &text) == SSH_OK ? g_strdup(text) : NULL;
    ssh_string_free_char(text);
    return copy;
}

/* The first line of a known_hosts file that speaks of this host: "file:line". */
static char *find_line(const char *path, const char *host)
{
    g_autofree char *text = NULL;
    gsize length;
    if (!path || !g_file_get_contents(path, &text, &length, NULL) || length > KNOWN_HOSTS_MAX)
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        struct ssh_knownhosts_entry *entry = NULL;
        if (lines[i][0] && ssh_known_hosts_parse_line(host, lines[i], &entry) == SSH_OK) {
            ssh_knownhosts_entry_free(entry);
            return g_strdup_printf("%s:%u", path, i + 1);
        }
    }
    return NULL;
}

static gboolean refuse_changed(Tunnel *tunnel, const char *type, const char *print,
                               GError **error)
{
    const char *alias = tunnel->config->key_alias;
    g_autofree char *host = alias || tunnel->port == 22
                                ? g_strdup(alias ? alias : tunnel->host)
                                : g_strdup_printf("[%s]:%d", tunnel->host, tunnel->port);
    g_autofree char *own = option(tunnel, SSH_OPTIONS_KNOWNHOSTS);
    g_autofree char *global = option(tunnel, SSH_OPTIONS_GLOBAL_KNOWNHOSTS);
    g_autofree char *place = find_line(own, host);
    if (!place)
        place = find_line(global, host);
    wire_error_set(
        error, WIRE_ERROR_AUTH,
        "%s: THE HOST KEY OF %s HAS CHANGED. Somebody may be listening in, or the "
        "machine was installed anew. It now shows the %s key %s; known is another "
        "one%s%s. Ask its administrator; if the new key is right, remove the old one "
        "with: ssh-keygen -R '%s'",
        tunnel->target->name, host, type, print, place ? ", at " : "", place ? place : "",
        host);
    return FALSE;
}

static gboolean add_key(Tunnel *tunnel, GError **error)
{
    if (ssh_session_update_known_hosts(tunnel->session) == SSH_OK)
        return TRUE;
    g_autofree char *file = option(tunnel, SSH_OPTIONS_KNOWNHOSTS);
    wire_error_set(error, WIRE_ERROR_STORAGE, "%s: the host key can't be written to %s: %s",
                   tunnel->target->name, file ? file : "known_hosts",
                   ssh_get_error(tunnel->session));
    return FALSE;
}

static gboolean ask_unknown(Tunnel *tunnel, const char *type, const char *print, GError **error)
{
    const char *name = tunnel->target->name;
    const char *strict = tunnel->config->strict;
    if (g_strcmp0(strict, "no") == 0 || g_strcmp0(strict, "off") == 0 ||
        g_strcmp0(strict, "accept-new") == 0)
        return add_key(tunnel, error);
    if (g_strcmp0(strict, "yes") == 0) {
        wire_error_set(error, WIRE_ERROR_AUTH,
                       "%s: the host key of %s is not known (%s %s), and StrictHostKeyChecking "
                       "is yes: add it to known_hosts",
                       name, tunnel->host, type, print);
        return FALSE;
    }
    g_autofree char *title = g_strdup_printf("%s: unknown host key", name);
    g_autofree char *text = g_strdup_printf(
        "%s port %d has not been seen before. Its %s key has the fingerprint\n%s\nCompare it "
        "with what the machine's administrator says.",
        tunnel->host, tunnel->port, type, print);
    Prompt *prompt = prompt_new(PROMPT_HOST_KEY, title, text);
    prompt_add(prompt, "Trust this key (yes/no)", TRUE);
    char **answers = tunnel_ask(tunnel, prompt);
    gboolean yes = answers && answers[0] && g_ascii_strcasecmp(answers[0], "yes") == 0;
    prompt_answers_free(answers);
    if (yes)
        return add_key(tunnel, error);
    wire_error_set(error, WIRE_ERROR_AUTH, "%s: the unknown host key %s was not accepted", name,
                   print);
    return FALSE;
}

gboolean tunnel_check_host_key(Tunnel *tunnel, GError **error)
{
    ssh_key key = NULL;
    if (ssh_get_server_publickey(tunnel->session, &key) != SSH_OK) {
        wire_error_set(error, WIRE_ERROR_AUTH, "%s: the server shows no host key",
                       tunnel->target->name);
        return FALSE;
    }
    g_autofree char *print = fingerprint(key);
    const char *type = ssh_key_type_to_char(ssh_key_type(key));
    gboolean good = FALSE;
    switch (ssh_session_is_known_server(tunnel->session)) {
    case SSH_KNOWN_HOSTS_OK:
        good = TRUE;
        break;
    case SSH_KNOWN_HOSTS_UNKNOWN:
    case SSH_KNOWN_HOSTS_NOT_FOUND:
        good = ask_unknown(tunnel, type, print, error);
        break;
    case SSH_KNOWN_HOSTS_CHANGED:
    case SSH_KNOWN_HOSTS_OTHER:
        good = refuse_changed(tunnel, type, print, error);
        break;
    default:
        wire_error_set(error, WIRE_ERROR_AUTH, "%s: the host key can't be checked: %s",
                       tunnel->target->name, ssh_get_error(tunnel->session));
    }
    ssh_key_free(key);
    return good;
}
