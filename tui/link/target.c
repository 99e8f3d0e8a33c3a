#include "tui/link/target.h"

#include "backend/wire/error.h"

#include <stdbool.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 255, PORT_MAX = 65535 };

static gboolean refuse(GError **error, const char *text, const char *why)
{
    g_autofree char *shown = g_utf8_make_valid(text, -1);
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "target",
                         "'%s' is not a target: %s; write node, user@host:port, "
                         "ssh://user@host:port, unix:/path or local",
                         shown, why);
    return FALSE;
}

/* Letters that a host alias or user may have: whatever is visible, but no
 * quotes and shell signs, since ssh_config may put it into a ProxyCommand. */
static gboolean is_plain(const char *word)
{
    size_t length = strlen(word);
    if (length == 0 || length > NAME_MAX_LENGTH || word[0] == '-')
        return FALSE;
    for (const char *c = word; *c; c++)
        if ((guchar)*c <= ' ' || *c == 0x7f || strchr("'\"`$\\;&|<>(){}*?!/@", *c))
            return FALSE;
    return g_utf8_validate(word, -1, NULL);
}

static gboolean parse_port(Target *target, const char *text, const char *digits, GError **error)
{
    guint64 port;
    if (!g_ascii_string_to_unsigned(digits, 10, 1, PORT_MAX, &port, NULL))
        return refuse(error, text, "the port must be a number from 1 to 65535");
    target->port = (int)port;
    return TRUE;
}

/* host, host:port, [v6], [v6]:port, or a bare IPv6 address. */
static gboolean parse_host(Target *target, const char *text, const char *rest, GError **error)
{
    if (rest[0] == '[') {
        const char *end = strchr(rest, ']');
        if (!end || (end[1] != '\0' && end[1] != ':'))
            return refuse(error, text, "an address in [ ] must end with ] or ]:port");
        target->host = g_strndup(rest + 1, (gsize)(end - rest) - 1);
        if (end[1] == ':' && !parse_port(target, text, end + 2, error))
            return FALSE;
    } else {
        const char *colon = strchr(rest, ':');
        gboolean bare_v6 = colon && strchr(colon + 1, ':');
        target->host =
            colon && !bare_v6 ? g_strndup(rest, (gsize)(colon - rest)) : g_strdup(rest);
        if (colon && !bare_v6 && !parse_port(target, text, colon + 1, error))
            return FALSE;
    }
    if (!is_plain(target->host))
        return refuse(error, text, "the host's name is empty or has letters it can't have");
    return TRUE;
}

static gboolean parse_ssh(Target *target, const char *text, GError **error)
{
    const char *rest = text;
    if (g_str_has_prefix(rest, "ssh://"))
        rest += strlen("ssh://");
    g_autofree char *body = g_strdup(rest);
    size_t length = strlen(body);
    if (rest != text && length > 0 && body[length - 1] == '/')
        body[length - 1] = '\0';

    char *at = strrchr(body, '@');
    if (at) {
        target->user = g_strndup(body, (gsize)(at - body));
        if (!is_plain(target->user))
            return refuse(error, text, "the user's name is empty or has letters it can't have");
    }
    return parse_host(target, text, at ? at + 1 : body, error);
}

Target *target_parse(const char *text, GError **error)
{
    g_autoptr(Target) target = g_new0(Target, 1);
    target->name = g_strdup(text);
    if (g_str_equal(text, "local")) {
        target->path = g_strdup(TARGET_LOCAL_SOCKET);
    } else if (g_str_has_prefix(text, "unix:")) {
        target->path = g_strdup(text + strlen("unix:"));
        if (!g_path_is_absolute(target->path)) {
            refuse(error, text, "the path of a socket must begin with /");
            return NULL;
        }
    } else if (!parse_ssh(target, text, error)) {
        return NULL;
    }
    return g_steal_pointer(&target);
}

char *target_text(const Target *target)
{
    if (target->path)
        return g_strconcat("unix:", target->path, NULL);
    bool v6 = strchr(target->host, ':') != NULL;
    g_autofree char *port = target->port ? g_strdup_printf(":%d", target->port) : NULL;
    /* Spelled out where it could be taken for something else. */
    bool plain = !v6 && strcmp(target->host, "local") != 0 && strcmp(target->host, "unix") != 0;
    return g_strconcat(plain ? "" : "ssh://", target->user ? target->user : "",
                       target->user ? "@" : "", v6 ? "[" : "", target->host, v6 ? "]" : "",
                       port, NULL);
}

Target *target_copy(const Target *target)
{
    Target *copy = g_new0(Target, 1);
    copy->name = g_strdup(target->name);
    copy->path = g_strdup(target->path);
    copy->host = g_strdup(target->host);
    copy->user = g_strdup(target->user);
    copy->port = target->port;
    return copy;
}

void target_free(Target *target)
{
    if (!target)
        return;
    g_free(target->name);
    g_free(target->path);
    g_free(target->host);
    g_free(target->user);
    g_free(target);
}
