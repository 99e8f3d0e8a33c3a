#include "tui/command/edit.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* The argv of the editor for a file. */
static char **editor_for(const char *path, GError **error)
{
    const char *editor = g_getenv("VISUAL");
    if (!editor || !*editor)
        editor = g_getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    g_autoptr(GError) failure = NULL;
    char **words = NULL;
    int count;
    if (!g_shell_parse_argv(editor, &count, &words, &failure)) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "the editor \"%s\" ($VISUAL or $EDITOR): %s",
                       editor, failure->message);
        return NULL;
    }
    words = g_renew(char *, words, (gsize)count + 2);
    words[count] = g_strdup(path);
    words[count + 1] = NULL;
    return words;
}

static gboolean run_editor(const char *path, GError **error)
{
    g_autoptr(GError) failure = NULL;
    int status;
    g_auto(GStrv) words = editor_for(path, error);
    if (!words)
        return FALSE;
    if (g_spawn_sync(NULL, words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN,
                     NULL, NULL, NULL, NULL, &status, &failure) &&
        g_spawn_check_wait_status(status, &failure))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_CANCELLED, "nothing was changed: the editor %s: %s",
                   words[0], failure->message);
    return FALSE;
}

static char *read_whole(int descriptor, const char *path, gsize max, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char piece[4096];
    ssize_t got;
    while ((got = read(descriptor, piece, sizeof piece)) != 0 && text->len <= max) {
        if (got > 0)
            g_string_append_len(text, piece, got);
        else if (errno != EINTR) {
            wire_error_set(error, WIRE_ERROR_FAILED, "%s: %s", path, g_strerror(errno));
            return NULL;
        }
    }
    if (text->len > max)
        wire_error_set(error, WIRE_ERROR_LIMIT, "%s: more than %" G_GSIZE_FORMAT " bytes", path,
                       max);
    else if (!g_utf8_validate(text->str, (gssize)text->len, NULL))
        wire_error_set(error, WIRE_ERROR_PARAMS, "%s is not UTF-8", path);
    else
        return g_string_free(g_steal_pointer(&text), FALSE);
    return NULL;
}

char *edit_read_file(const char *path, gsize max, GError **error)
{
    if (strcmp(path, "-") == 0)
        return read_whole(STDIN_FILENO, "standard input", max, error);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        wire_error_set(error, WIRE_ERROR_NOT_FOUND, "%s: %s", path, g_strerror(errno));
        return NULL;
    }
    char *text = read_whole(descriptor, path, max, error);
    (void)close(descriptor);
    return text;
}

char *edit_text(const char *text, const char *name, gsize max, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autofree char *directory = g_dir_make_tmp("gantry-edit-XXXXXX", &failure);
    char *edited = NULL;
    if (!directory) {
        wire_error_set(error, WIRE_ERROR_FAILED, "a file for the editor: %s", failure->message);
        return NULL;
    }
    g_autofree char *path = g_build_filename(directory, name, NULL);
    if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, &failure))
        wire_error_set(error, WIRE_ERROR_FAILED, "a file for the editor: %s", failure->message);
    else if (run_editor(path, error))
        edited = edit_read_file(path, max, error);
    (void)g_unlink(path);
    (void)g_rmdir(directory);
    return edited;
}

char *edit_keep(const char *text, const char *name)
{
    g_autofree char *path = NULL;
    int descriptor = g_file_open_tmp(name, &path, NULL);
    if (descriptor < 0)
        return NULL;
    size_t length = strlen(text), written = 0;
    while (written < length) {
        ssize_t put = write(descriptor, text + written, length - written);
        if (put < 0 && errno != EINTR)
            break;
        written += put > 0 ? (size_t)put : 0;
    }
    (void)close(descriptor);
    if (written == length)
        return g_steal_pointer(&path);
    (void)g_unlink(path);
    return NULL;
}
