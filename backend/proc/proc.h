/* proc/proc - the kernel's text files (/proc, /sys), read again and again.
 *
 * A ProcFile keeps its descriptor open and is read from the start with pread, so
 * that a tick costs no path walk and, after the first, no allocation. The text is
 * NUL-terminated and valid until the next read. Files of /proc/net show the network
 * namespace of the thread that opened them.
 *
 * Sizes are limited: a file over PROC_FILE_MAX is an error, not a big allocation.
 * Not for files on storage: only the kernel's own, which do not hang.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define PROC_FILE_MAX (4u << 20)

typedef struct {
    int descriptor; /* -1: not open */
    char *text;     /* owned */
    size_t length, capacity;
} ProcFile;

#define PROC_FILE_CLOSED                                                                       \
    {                                                                                          \
        .descriptor = -1                                                                       \
    }

/* WIRE_ERROR_UNAVAILABLE when it can't be opened. The file must be closed. */
gboolean proc_file_open(ProcFile *file, const char *path, GError **error);
/* WIRE_ERROR_UNAVAILABLE when the kernel refuses, as with pressure switched off. */
gboolean proc_file_read(ProcFile *file, GError **error);
/* Closing a closed file does nothing. */
void proc_file_close(ProcFile *file);

/* One small attribute (at most 4 KiB), without white space at its end, or NULL when
 * it can't be read. path is relative to directory, which may be AT_FDCWD. The caller
 * frees. */
char *proc_attribute_read(int directory, const char *path);
/* The same as a number; fallback when absent or not a number. */
gint64 proc_attribute_number(int directory, const char *path, gint64 fallback);

/* Scanning of such text. Each moves *cursor past what it took, and never past the
 * end of a line or the text. */
bool proc_scan_number(const char **cursor, guint64 *number); /* saturates */
bool proc_scan_word(const char **cursor, const char **word, size_t *length);
/* To the start of the next line; false at the end of the text. */
bool proc_scan_line(const char **cursor);
