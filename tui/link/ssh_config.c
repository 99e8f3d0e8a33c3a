#include "tui/link/ssh_config.h"

#include "backend/wire/error.h"

#include <glob.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum { INCLUDE_DEPTH_MAX = 16, FILE_MAX = 1 << 20 };

typedef struct {
    SshConfig *config;
    const char *host;
    const char *user;
    gboolean only_seen;     /* IdentitiesOnly was given */
    gboolean identity_seen; /* IdentityFile was given, perhaps as none */
    gboolean proxy_seen;    /* ProxyJump or ProxyCommand was given */
} Reader;

static void read_file(Reader *reader, const char *path, gboolean active, int depth);

/* As ssh and libssh do: the home of the password database, not of $HOME. */
static const char *home_directory(void)
{
    static gsize once;
    static const char *home;
    if (g_once_init_enter(&once)) {
        struct passwd entry, *found = NULL;
        char buffer[4096];
        if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found)
            home = g_intern_string(found->pw_dir);
        else
            home = g_intern_string(g_get_home_dir());
        g_once_init_leave(&once, 1);
    }
    return home;
}

char *ssh_config_expand(const char *text, const char *host, const char *user, int port)
{
    GString *out = g_string_new(NULL);
    if (g_str_has_prefix(text, "~/")) {
        g_string_append(out, home_directory());
        text++;
    }
    for (const char *c = text; *c; c++) {
        if (*c != '%' || !c[1]) {
            g_string_append_c(out, *c);
            continue;
        }
        switch (*++c) {
        case 'h':
        case 'n':
            g_string_append(out, host);
            break;
        case 'p':
            g_string_append_printf(out, "%d", port);
            break;
        case 'r':
            g_string_append(out, user ? user : g_get_user_name());
            break;
        case 'u':
            g_string_append(out, g_get_user_name());
            break;
        case 'd':
            g_string_append(out, home_directory());
            break;
        case '%':
            g_string_append_c(out, '%');
            break;
        default:
            g_string_append_c(out, '%');
            g_string_append_c(out, *c);
        }
    }
    return g_string_free(out, FALSE);
}

/* The next word of a line: quotes, white space, and = after the keyword. */
static char *next_word(char **cursor)
{
    char *c = *cursor;
    while (*c == ' ' || *c == '\t' || *c == '=')
        c++;
    if (!*c || *c == '#')
        return NULL;
    char *word;
    if (*c == '"') {
        word = ++c;
        while (*c && *c != '"')
            c++;
    } else {
        word = c;
        while (*c && *c != ' ' && *c != '\t' && *c != '=')
            c++;
    }
    if (*c)
        *c++ = '\0';
    *cursor = c;
    return word;
}

static char *rest_of_line(char *cursor)
{
    while (*cursor == ' ' || *cursor == '\t' || *cursor == '=')
        cursor++;
    return g_strchomp(cursor);
}

static gboolean one_pattern(const char *pattern, const char *text)
{
    g_autofree char *lower_pattern = g_ascii_strdown(pattern, -1);
    g_autofree char *lower_text = g_ascii_strdown(text, -1);
    return g_pattern_match_simple(lower_pattern, lower_text);
}

/* A list of patterns: one must fit, and none that begins with ! may. */
static gboolean list_fits(char *const *patterns, const char *text)
{
    gboolean fits = FALSE;
    for (; *patterns; patterns++) {
        if (**patterns == '!' && one_pattern(*patterns + 1, text))
            return FALSE;
        if (**patterns != '!' && one_pattern(*patterns, text))
            fits = TRUE;
    }
    return fits;
}

static gboolean host_fits(char *cursor, const char *host)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    for (char *word; (word = next_word(&cursor));)
        g_ptr_array_add(words, word);
    g_ptr_array_add(words, NULL);
    return list_fits((char *const *)words->pdata, host);
}

static gboolean match_fits(const Reader *reader, char *cursor)
{
    gboolean fits = FALSE;
    for (char *word; (word = next_word(&cursor));) {
        if (g_ascii_strcasecmp(word, "all") == 0) {
            fits = TRUE;
            continue;
        }
        const char *subject = NULL;
        if (g_ascii_strcasecmp(word, "host") == 0 ||
            g_ascii_strcasecmp(word, "originalhost") == 0)
            subject = reader->host;
        else if (g_ascii_strcasecmp(word, "user") == 0)
            subject = reader->user ? reader->user : g_get_user_name();
        else if (g_ascii_strcasecmp(word, "localuser") == 0)
            subject = g_get_user_name();
        char *argument = subject ? next_word(&cursor) : NULL;
        if (!argument)
            return FALSE;
        g_auto(GStrv) patterns = g_strsplit(argument, ",", -1);
        if (!list_fits(patterns, subject))
            return FALSE;
        fits = TRUE;
    }
    return fits;
}

static void include(Reader *reader, const char *pattern, gboolean active, int depth)
{
    g_autofree char *expanded = ssh_config_expand(pattern, reader->host, reader->user, 22);
    if (!g_path_is_absolute(expanded)) {
        char *whole = g_build_filename(home_directory(), ".ssh", expanded, NULL);
        g_free(expanded);
        expanded = whole;
    }
    glob_t found = {0};
    if (glob(expanded, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            read_file(reader, found.gl_pathv[i], active, depth + 1);
    globfree(&found);
}

static void take_value(Reader *reader, const char *keyword, char *cursor)
{
    SshConfig *config = reader->config;
    gboolean is_jump = g_ascii_strcasecmp(keyword, "ProxyJump") == 0;
    if (is_jump || g_ascii_strcasecmp(keyword, "ProxyCommand") == 0) {
        if (reader->proxy_seen)
            return;
        reader->proxy_seen = TRUE;
        char *value = rest_of_line(cursor);
        if (g_ascii_strcasecmp(value, "none") != 0)
            *(is_jump ? &config->proxy_jump : &config->proxy_command) = g_strdup(value);
        return;
    }
    char *word = next_word(&cursor);
    if (!word)
        return;
    if (g_ascii_strcasecmp(keyword, "IdentitiesOnly") == 0) {
        if (!reader->only_seen)
            config->identities_only = g_ascii_strcasecmp(word, "yes") == 0;
        reader->only_seen = TRUE;
    } else if (g_ascii_strcasecmp(keyword, "HostKeyAlias") == 0) {
        if (!config->key_alias)
            config->key_alias = g_strdup(word);
    } else if (g_ascii_strcasecmp(keyword, "User") == 0) {
        if (!config->login)
            config->login = g_strdup(word);
    } else if (g_ascii_strcasecmp(keyword, "Port") == 0) {
        guint64 port;
        if (!config->port && g_ascii_string_to_unsigned(word, 10, 1, 65535, &port, NULL))
            config->port = (int)port;
    } else if (g_ascii_strcasecmp(keyword, "UserKnownHostsFile") == 0) {
        if (!config->known_hosts)
            config->known_hosts = g_strdup(word);
    } else if (g_ascii_strcasecmp(keyword, "StrictHostKeyChecking") == 0) {
        if (!config->strict)
            config->strict = g_ascii_strdown(word, -1);
    } else if (g_ascii_strcasecmp(keyword, "IdentityFile") == 0) {
        reader->identity_seen = TRUE;
        if (g_ascii_strcasecmp(word, "none") != 0)
            g_ptr_array_add(config->identities,
                            ssh_config_expand(word, reader->host, reader->user, 22));
    } else if (g_ascii_strcasecmp(keyword, "CertificateFile") == 0) {
        g_ptr_array_add(config->certificates,
                        ssh_config_expand(word, reader->host, reader->user, 22));
    }
}

/* active: whether lines before the first Host or Match count (an Include may
 * stand inside a block that does not fit). */
static void read_file(Reader *reader, const char *path, gboolean active, int depth)
{
    g_autofree char *text = NULL;
    gsize length;
    if (depth > INCLUDE_DEPTH_MAX || !g_file_get_contents(path, &text, &length, NULL) ||
        length > FILE_MAX)
        return;
    gboolean outer = active;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        char *cursor = g_strchomp(*line);
        char *keyword = next_word(&cursor);
        if (!keyword)
            continue;
        if (g_ascii_strcasecmp(keyword, "Host") == 0) {
            active = outer && host_fits(cursor, reader->host);
        } else if (g_ascii_strcasecmp(keyword, "Match") == 0) {
            active = outer && match_fits(reader, cursor);
        } else if (g_ascii_strcasecmp(keyword, "Include") == 0) {
            for (char *word; (word = next_word(&cursor));)
                include(reader, word, active, depth);
        } else if (active) {
            take_value(reader, keyword, cursor);
        }
    }
}

SshConfig *ssh_config_read(const char *file, const char *host, const char *user, GError **error)
{
    if (file && access(file, R_OK) != 0) {
        wire_error_set(error, WIRE_ERROR_CONFIG, "the SSH configuration %s can't be read",
                       file);
        return NULL;
    }
    SshConfig *config = g_new0(SshConfig, 1);
    config->identities = g_ptr_array_new_with_free_func(g_free);
    config->certificates = g_ptr_array_new_with_free_func(g_free);
    Reader reader = {.config = config, .host = host, .user = user};
    if (file) {
        read_file(&reader, file, TRUE, 0);
    } else {
        g_autofree char *own = g_build_filename(home_directory(), ".ssh", "config", NULL);
        read_file(&reader, own, TRUE, 0);
        read_file(&reader, "/etc/ssh/ssh_config", TRUE, 0);
    }
    static const char *const defaults[] = {"id_ed25519", "id_ecdsa", "id_rsa"};
    for (size_t i = 0; !reader.identity_seen && i < G_N_ELEMENTS(defaults); i++)
        g_ptr_array_add(config->identities,
                        g_build_filename(home_directory(), ".ssh", defaults[i], NULL));
    return config;
}

void ssh_config_free(SshConfig *config)
{
    if (!config)
        return;
    g_ptr_array_unref(config->identities);
    g_ptr_array_unref(config->certificates);
    g_free(config->login);
    g_free(config->known_hosts);
    g_free(config->strict);
    g_free(config->key_alias);
    g_free(config->proxy_jump);
    g_free(config->proxy_command);
    g_free(config);
}
