#include "agent/task/program.h"

#include "backend/wire/error.h"

#include <string.h>
#include <unistd.h>

enum { KILL_AFTER = 2 /* seconds after SIGTERM */, NOT_FOUND = 127, TOO_LATE = 124 };

/* Both outputs into one. Between fork and exec: async-signal-safe only. */
static void join_outputs(gpointer user)
{
    (void)dup2(STDOUT_FILENO, STDERR_FILENO);
}

static char *take_output(char *output)
{
    if (!output)
        return g_strdup("");
    if (strlen(output) > PROGRAM_OUTPUT_MAX)
        output[PROGRAM_OUTPUT_MAX] = '\0';
    g_strchomp(output);
    char *valid = g_utf8_make_valid(output, -1);
    g_free(output);
    return valid;
}

static void explain(const char *const *words, guint seconds, int status, const char *said,
                    const GError *failure, GError **error)
{
    g_autofree char *line = g_strjoinv(" ", (char **)(gintptr)words);
    g_autofree char *text = g_strdelimit(g_strdup(said), "\n", ' ');
    int code = g_error_matches(failure, G_SPAWN_EXIT_ERROR, failure->code) ? failure->code : 0;
    if (code == NOT_FOUND)
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "there is no program %s: is its package installed?", words[0]);
    else if (code == TOO_LATE)
        wire_error_set(error, WIRE_ERROR_TIMEOUT, "%s: not done after %u s", line, seconds);
    else
        wire_error_set(error, WIRE_ERROR_FAILED, "%s: %s%s%s", line, failure->message,
                       *text ? ": " : "", text);
}

gboolean program_run(const char *const *words, guint seconds, char **said, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    char limit[16], after[16];
    char *output = NULL;
    int status = 0;
    g_snprintf(limit, sizeof limit, "%u", seconds);
    g_snprintf(after, sizeof after, "%d", KILL_AFTER);
    /* Of coreutils: it kills what the program has started, too. */
    const char *const before[] = {"timeout", "-k", after, limit};
    for (size_t i = 0; i < G_N_ELEMENTS(before); i++)
        g_ptr_array_add(argv, (gpointer)(gintptr)before[i]);
    for (const char *const *word = words; *word; word++)
        g_ptr_array_add(argv, (gpointer)(gintptr)*word);
    g_ptr_array_add(argv, NULL);
    gboolean good = g_spawn_sync("/", (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH,
                                 join_outputs, NULL, &output, NULL, &status, &failure) &&
                    g_spawn_check_wait_status(status, &failure);
    g_autofree char *text = take_output(output);
    if (!good)
        explain(words, seconds, status, text, failure, error);
    if (said)
        *said = g_steal_pointer(&text);
    return good;
}
