/* command/command - the command line: gantry NOUN VERB [ARGS].
 *
 * One table (table.c) says for each noun and verb which method of the wire it
 * is and how its result is shown. Arguments come from the method's own row
 * (backend/wire/method.h): parameters that it requires are given in order, the
 * others as --name VALUE. Help is made from the same two tables.
 */
#pragma once

#include <glib.h>

typedef enum { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_YAML } OutputFormat;

typedef struct {
    GPtrArray *targets; /* char *, as given with -H; may be empty */
    OutputFormat format;
    char *ssh_config; /* or NULL */
} CommandOptions;

/* Is that word one that a command begins with? */
gboolean command_is_noun(const char *word);

/* words: from the noun on, NULL-terminated. Options that may stand anywhere (-H,
 * -o, -F) are taken from them into options. Returns the exit status:
 * 0 done, 1 failed, 2 usage, 3 not allowed, 4 not reachable, 5 not found. */
int command_run(CommandOptions *options, char *const *words);

/* "table", "json", "yaml". */
gboolean command_format_from_name(const char *name, OutputFormat *out);
