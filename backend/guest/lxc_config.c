#include "backend/guest/lxc_config.h"

#include "backend/guest/lxc_container.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_CONFIG ".config.gantry"

/* ---- pure ---- */

/* The key of a line (borrowed, with its length) and where its value begins; NULL
 * for comments, empty lines and what is no setting. */
static const char *line_value(const char *line, const char **key, gsize *length)
{
    while (*line == ' ' || *line == '\t')
        line++;
    if (*line == '#' || !*line)
        return NULL;
    const char *equals = strchr(line, '=');
    if (!equals)
        return NULL;
    const char *end = equals;
    while (end > line && g_ascii_isspace(end[-1]))
        end--;
    *key = line;
    *length = (gsize)(end - line);
    for (equals++; *equals == ' ' || *equals == '\t'; equals++)
        ;
    return equals;
}

static gboolean line_sets(const char *line, const char *key)
{
    const char *found;
    gsize length;
    return line_value(line, &found, &length) && length == strlen(key) &&
           strncmp(found, key, length) == 0;
}

char *lxc_config_set(const char *text, const char *key, const char *value)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    int place = -1;
    for (int i = 0; lines[i]; i++) {
        if (line_sets(lines[i], key))
            place = i;
        else if (line_sets(lines[i], "lxc.include"))
            place = -1;
    }
    if (place >= 0) {
        g_free(lines[place]);
        lines[place] = g_strdup_printf("%s = %s", key, value);
        return g_strjoinv("\n", lines);
    }
    gboolean ended = !*text || g_str_has_suffix(text, "\n");
    return g_strdup_printf("%s%s%s = %s\n", text, ended ? "" : "\n", key, value);
}

char *lxc_config_find(const char *text, const char *key)
{
    char *found = NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        const char *name;
        gsize length;
        if (!line_sets(*line, key))
            continue;
        g_free(found);
        found = g_strchomp(g_strdup(line_value(*line, &name, &length)));
    }
    return found;
}

/* A path ends where a component ends: "/var/lib/lxc/c1" is not in "/var/lib/lxc/c10". */
static gboolean ends_component(char c)
{
    return c == '\0' || c == '/' || c == ':' || c == '"' || c == ',' || g_ascii_isspace(c);
}

static char *replace_path(const char *value, const char *old, const char *new)
{
    GString *result = g_string_new(NULL);
    gsize length = strlen(old);
    for (const char *found; (found = strstr(value, old)); value = found + length) {
        g_string_append_len(result, value, found - value);
        g_string_append(result, ends_component(found[length]) ? new : old);
    }
    g_string_append(result, value);
    return g_string_free(result, FALSE);
}

static char *move_name(const char *value, const char *old, const char *new)
{
    g_autofree char *bare = g_strstrip(g_strdup(value));
    gsize length = strlen(bare);
    if (length > 1 && bare[0] == '"' && bare[length - 1] == '"') {
        bare[length - 1] = '\0';
        memmove(bare, bare + 1, length - 1);
        return g_str_equal(bare, old) ? g_strdup_printf("\"%s\"", new) : g_strdup(value);
    }
    return g_strdup(g_str_equal(bare, old) ? new : value);
}

char *lxc_config_move(const char *text, const char *old_directory, const char *new_directory)
{
    g_autofree char *old_name = g_path_get_basename(old_directory);
    g_autofree char *new_name = g_path_get_basename(new_directory);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        const char *key;
        gsize length;
        const char *value = line_value(*line, &key, &length);
        if (!value)
            continue;
        g_autofree char *moved = line_sets(*line, "lxc.uts.name")
                                     ? move_name(value, old_name, new_name)
                                     : replace_path(value, old_directory, new_directory);
        g_autofree char *before = g_strndup(*line, (gsize)(value - *line));
        g_free(*line);
        *line = g_strconcat(before, moved, NULL);
    }
    return g_strjoinv("\n", lines);
}

/* ---- files ---- */

static char *read_plain(int file, GError **error)
{
    char piece[4096];
    ssize_t got = 0;
    GString *text = g_string_new(NULL);
    while (text->len <= LXC_CONFIG_LIMIT && (got = read(file, piece, sizeof piece)) > 0)
        g_string_append_len(text, piece, got);
    if (got < 0)
        wire_error_set(error, WIRE_ERROR_FAILED, "the configuration could not be read: %s",
                       g_strerror(errno));
    else if (text->len > LXC_CONFIG_LIMIT)
        wire_error_set(error, WIRE_ERROR_LIMIT, "the configuration is larger than %u bytes",
                       LXC_CONFIG_LIMIT);
    else if (strlen(text->str) != text->len)
        wire_error_set(error, WIRE_ERROR_CONFIG, "the configuration holds a NUL byte");
    else
        return g_string_free(text, FALSE);
    g_string_free(text, TRUE);
    return NULL;
}

char *lxc_config_read(int directory, GError **error)
{
    int file = openat(directory, "config", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        wire_error_set(error,
                       errno == ENOENT  ? WIRE_ERROR_NOT_FOUND
                       : errno == ELOOP ? WIRE_ERROR_CONFIG
                                        : WIRE_ERROR_FAILED,
                       "the configuration could not be opened: %s", g_strerror(errno));
        return NULL;
    }
    struct stat status;
    char *text = NULL;
    if (fstat(file, &status) < 0 || !S_ISREG(status.st_mode))
        wire_error_set(error, WIRE_ERROR_CONFIG, "the configuration is not a plain file");
    else
        text = read_plain(file, error);
    close(file);
    return text;
}

static gboolean write_all(int file, const char *text)
{
    gsize left = strlen(text);
    while (left > 0) {
        ssize_t written = write(file, text, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return FALSE;
        text += written;
        left -= (gsize)written;
    }
    return TRUE;
}

/* Owner and mode of the configuration that it is to replace. */
static gboolean write_like_config(int directory, int file, const char *text)
{
    struct stat status;
    return fstatat(directory, "config", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           fchown(file, status.st_uid, status.st_gid) == 0 &&
           fchmod(file, status.st_mode & 07777) == 0 && write_all(file, text) &&
           fsync(file) == 0;
}

gboolean lxc_config_prepare(int directory, const char *name, const char *text, GError **error)
{
    (void)unlinkat(directory, name, 0); /* left by a crash */
    int file =
        openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    gboolean written = file >= 0 && write_like_config(directory, file, text);
    int code = errno;
    if (file >= 0)
        close(file);
    if (written)
        return TRUE;
    if (file >= 0)
        (void)unlinkat(directory, name, 0);
    wire_error_set(error, WIRE_ERROR_STORAGE,
                   "the new configuration could not be written: %s; nothing was changed",
                   g_strerror(code));
    return FALSE;
}

gboolean lxc_config_write(int directory, const char *before, const char *text, GError **error)
{
    if (!lxc_config_prepare(directory, NEW_CONFIG, text, error))
        return FALSE;
    g_autofree char *now = lxc_config_read(directory, NULL);
    if (g_strcmp0(now, before) != 0) {
        (void)unlinkat(directory, NEW_CONFIG, 0);
        wire_error_set(error, WIRE_ERROR_CONFLICT,
                       "the configuration was changed by somebody else just now; try again");
        return FALSE;
    }
    if (renameat(directory, NEW_CONFIG, directory, "config") < 0) {
        wire_error_set(
            error, WIRE_ERROR_STORAGE,
            "the new configuration could not be put in place: %s; nothing was changed",
            g_strerror(errno));
        (void)unlinkat(directory, NEW_CONFIG, 0);
        return FALSE;
    }
    (void)fsync(directory);
    return TRUE;
}
