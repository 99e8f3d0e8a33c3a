/* command/output - results on standard output: tables for people, JSON, YAML.
 *
 * Tables are aligned by columns of the terminal (wide characters count twice),
 * hold no control character from outside, no colour, and nothing after the last
 * cell of a line. A value that is not known is a dash. */
#pragma once

#include "tui/command/command.h"
#include "tui/command/table.h"

/* rows: an array of objects. Caller frees; ends with a newline. */
char *output_table(const CommandColumn *columns, const json_t *rows);
/* A field a line; arrays of objects below, as tables. Caller frees. */
char *output_object(const json_t *object, ObjectKind kind);
char *output_json(const json_t *value);
char *output_yaml(const json_t *value);
/* A value as a cell shows it. Caller frees. */
char *output_cell(const CommandColumn *column, const json_t *value);

/* Writes it to standard output. FALSE when that failed (a full disk; a reader
 * that went away is not told). */
gboolean output_print(const char *text);
