/* command/edit - a text in the person's own editor. */
#pragma once

#include <glib.h>

/* Opens $VISUAL, $EDITOR or vi on the terminal with the text in a file of its own, named after
 * what it is (settings.yaml), and returns what it holds when the editor has ended: at most max
 * bytes of UTF-8. NULL with WIRE_ERROR_CANCELLED when the editor failed. Blocks. */
char *edit_text(const char *text, const char *name, gsize max, GError **error);
/* A file of its own with the text, for a person who would lose it; NULL when that failed. The
 * name ends XXXXXX, or has it before its suffix. */
char *edit_keep(const char *text, const char *name);
/* A file that the person names, "-" for standard input, under the same limits. */
char *edit_read_file(const char *path, gsize max, GError **error);
