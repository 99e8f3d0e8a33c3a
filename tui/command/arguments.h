/* command/arguments - words of a command line to a method's parameters. Pure.
 *
 * Parameters that the method requires are given in their order; the last one
 * takes all the words that are left when it is a list of strings. The others,
 * and `confirm`, are options: --name VALUE, --name=VALUE, and for a boolean
 * --name alone; an underscore in a name may be a dash. After `--` nothing is an
 * option; for a program's arguments (guest exec) the first word ends the options.
 *
 * Beside them: --no-wait, -f, --help, and -H, -o, -F as before the noun.
 */
#pragma once

#include "backend/wire/method.h"
#include "tui/command/command.h"

typedef struct {
    json_t *params;
    gboolean no_wait;
    gboolean follow;
    gboolean help;
} Arguments;

/* WIRE_ERROR_PARAMS when the words don't fit the method; the parameters' own
 * limits are checked too, but for a missing `confirm`. method may be NULL (no
 * parameters). */
gboolean arguments_parse(const WireMethod *method, char *const *words, CommandOptions *options,
                         Arguments *out, GError **error);
void arguments_clear(Arguments *arguments);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

/* Is it given in order rather than as an option? */
gboolean arguments_is_positional(const WireParameter *parameter);
