/* cluster/corosync_text - the syntax of corosync.conf, kept as it stands.
 *
 * The file is lines: a comment, an empty one, "name {", "key: value" or "}". Sections
 * nest. What is not asked to change is written back byte for byte: order, indentation,
 * comments and keys that nobody here knows. Pure; knows no meaning of any key
 * (corosync_conf.h does).
 *
 * A key is named by its path, "totem.cluster_name". Where a section stands more than
 * once ("nodelist.node"), its index selects it; on the way to it the first one counts.
 *
 * Limits, each with an error (WIRE_ERROR_CONFIG with the line, or WIRE_ERROR_LIMIT):
 * the whole COROSYNC_TEXT_MAX, a line 511 bytes as corosync itself has it, nesting 8,
 * no control character but the tab.
 */
#pragma once

#include <glib.h>

#define COROSYNC_TEXT_MAX  (64u << 10)
#define COROSYNC_LINE_MAX  511
#define COROSYNC_DEPTH_MAX 8

typedef struct CorosyncText CorosyncText;

CorosyncText *corosync_text_parse(const char *text, size_t length, GError **error);
CorosyncText *corosync_text_copy(const CorosyncText *self);
void corosync_text_free(CorosyncText *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CorosyncText, corosync_text_free)

/* The file; the caller frees it. */
char *corosync_text_dump(const CorosyncText *self);

/* How many sections have this path. */
guint corosync_text_count(const CorosyncText *self, const char *section);
/* The value of a key in the index-th section of that path, or NULL. Borrowed until the
 * next change. With *line (may be NULL) its number, from 1. */
const char *corosync_text_get(const CorosyncText *self, const char *section, guint index,
                              const char *key, guint *line);

/* Sets or (value NULL) removes it; a section that is not there is made at the end. A
 * value must have no newline and fit in a line. */
void corosync_text_set(CorosyncText *self, const char *section, guint index, const char *key,
                       const char *value);
/* Makes one more section of that path, after the last of them or at the end of its
 * parent; its index. */
guint corosync_text_add(CorosyncText *self, const char *section);
/* Takes the whole section out, with all that is in it. */
void corosync_text_remove(CorosyncText *self, const char *section, guint index);
