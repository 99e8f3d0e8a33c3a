#include "backend/proc/proc.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    CAPACITY_FIRST = 8192,
    /* seq_file hands out a page at a time, cut between records; every record of the
     * files read here is far below half a page, so a shorter read is the last. */
    LAST_READ_BELOW = 2048,
    ATTRIBUTE_MAX = 4096,
    SAFE_DIGITS = 19,
};

gboolean proc_file_open(ProcFile *file, const char *path, GError **error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "can't open %s: %s", path,
                       g_strerror(errno));
        return FALSE;
    }
    *file = (ProcFile){.descriptor = descriptor};
    return TRUE;
}

static gboolean grow(ProcFile *file, GError **error)
{
    if (file->capacity >= PROC_FILE_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "a file of the kernel is over %u bytes",
                       PROC_FILE_MAX);
        return FALSE;
    }
    file->capacity = file->capacity ? file->capacity * 2 : CAPACITY_FIRST;
    file->text = g_realloc(file->text, file->capacity);
    return TRUE;
}

gboolean proc_file_read(ProcFile *file, GError **error)
{
    size_t length = 0;
    for (;;) {
        if (length + 1 >= file->capacity && !grow(file, error))
            return FALSE;
        ssize_t got = pread(file->descriptor, file->text + length, file->capacity - length - 1,
                            (off_t)length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "can't read the kernel's figures: %s",
                           g_strerror(errno));
            return FALSE;
        }
        length += (size_t)got;
        if (got < LAST_READ_BELOW && length + 1 < file->capacity)
            break;
    }
    file->text[length] = '\0';
    file->length = length;
    return TRUE;
}

void proc_file_close(ProcFile *file)
{
    if (file->descriptor >= 0)
        (void)close(file->descriptor);
    g_free(file->text);
    *file = (ProcFile)PROC_FILE_CLOSED;
}

char *proc_attribute_read(int directory, const char *path)
{
    int descriptor = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0)
        return NULL;
    char text[ATTRIBUTE_MAX + 1];
    ssize_t got;
    do
        got = read(descriptor, text, ATTRIBUTE_MAX);
    while (got < 0 && errno == EINTR);
    (void)close(descriptor);
    if (got < 0)
        return NULL;
    text[got] = '\0';
    return g_strdup(g_strchomp(text));
}

gint64 proc_attribute_number(int directory, const char *path, gint64 fallback)
{
    g_autofree char *text = proc_attribute_read(directory, path);
    gint64 number;
    return text && g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL)
               ? number
               : fallback;
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

bool proc_scan_number(const char **cursor, guint64 *number)
{
    const char *at = skip_blanks(*cursor);
    if (*at < '0' || *at > '9')
        return false;
    const char *start = at;
    guint64 value = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (guint64)(*at - '0');
    /* Nineteen digits always fit; the rare longer number takes the slow way. */
    *number = at - start <= SAFE_DIGITS ? value : g_ascii_strtoull(start, NULL, 10);
    *cursor = at;
    return true;
}

bool proc_scan_word(const char **cursor, const char **word, size_t *length)
{
    const char *at = skip_blanks(*cursor);
    const char *start = at;
    while (*at && *at != ' ' && *at != '\t' && *at != '\n')
        at++;
    if (at == start)
        return false;
    *word = start;
    *length = (size_t)(at - start);
    *cursor = at;
    return true;
}

bool proc_scan_line(const char **cursor)
{
    const char *end = strchr(*cursor, '\n');
    *cursor = end ? end + 1 : *cursor + strlen(*cursor);
    return **cursor != '\0';
}
