/* gantry - the console, and the command line. See gantry(1). */
#include "backend/wire/error.h"
#include "config.h"
#include "tui/command/command.h"
#include "tui/command/help.h"
#include "tui/link/link.h"
#include "tui/view/setup.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>

enum { EXIT_USAGE = 2, FINISH = 500 /* ms for threads to end */ };

typedef struct {
    CommandOptions command;
    gboolean help, version, plain, readonly, ascii, mouse;
} Options;

static gboolean on_host(const char *option, const char *value, gpointer user, GError **error)
{
    g_ptr_array_add(((Options *)user)->command.targets, g_strdup(value));
    return TRUE;
}

static gboolean on_output(const char *option, const char *value, gpointer user, GError **error)
{
    if (command_format_from_name(value, &((Options *)user)->command.format))
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "-o must be table, json or yaml");
    return FALSE;
}

/* Options stop at the first word that is none: what follows belongs to the verb. */
static gboolean parse(Options *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"host", 'H', 0, G_OPTION_ARG_CALLBACK, (gpointer)on_host, NULL, NULL},
        {"output", 'o', 0, G_OPTION_ARG_CALLBACK, (gpointer)on_output, NULL, NULL},
        {"ssh-config", 'F', 0, G_OPTION_ARG_FILENAME, &options->command.ssh_config, NULL, NULL},
        {"plain", 0, 0, G_OPTION_ARG_NONE, &options->plain, NULL, NULL},
        {"readonly", 0, 0, G_OPTION_ARG_NONE, &options->readonly, NULL, NULL},
        {"ascii", 0, 0, G_OPTION_ARG_NONE, &options->ascii, NULL, NULL},
        {"mouse", 0, 0, G_OPTION_ARG_NONE, &options->mouse, NULL, NULL},
        {"help", 'h', 0, G_OPTION_ARG_NONE, &options->help, NULL, NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, NULL, NULL},
        G_OPTION_ENTRY_NULL};
    GOptionContext *context = g_option_context_new(NULL);
    GOptionGroup *group = g_option_group_new("gantry", "", "", options, NULL);
    g_option_group_add_entries(group, entries);
    g_option_context_set_main_group(context, group);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_strict_posix(context, TRUE);
    gboolean good = g_option_context_parse(context, argc, argv, error);
    g_option_context_free(context);
    return good;
}

/* Whether "--" stood right before that word: it is a target then, never a noun. */
static gboolean after_dashes(char *const *original, const char *word)
{
    for (size_t i = 1; original[i]; i++)
        if (original[i] == word)
            return g_str_equal(original[i - 1], "--");
    return FALSE;
}

static int run_console(const Options *options, char *const *targets)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < options->command.targets->len; i++)
        g_ptr_array_add(words, options->command.targets->pdata[i]);
    for (; *targets; targets++)
        g_ptr_array_add(words, *targets);
    g_ptr_array_add(words, NULL);
    g_autoptr(ConsoleSetup) setup =
        console_setup_new((const char *const *)words->pdata, &error);
    if (!setup) {
        fprintf(stderr, "gantry: %s\n", error->message);
        return wire_error_exit_status(wire_error_code(error));
    }
    ConsoleOptions *console = console_setup_options(setup);
    console->ssh_config = options->command.ssh_config;
    console->readonly |= options->readonly;
    console->ascii |= options->ascii;
    console->mouse |= options->mouse;
    if (options->plain)
        return console_plain(console) ? 0 : wire_error_exit_status(WIRE_ERROR_UNREACHABLE);
    if (console_run(console, &error))
        return 0;
    fprintf(stderr, "gantry: %s\n", error->message);
    return wire_error_exit_status(wire_error_code(error));
}

static int dispatch(Options *options, char *const *original, char **words)
{
    if (words[0] && g_str_equal(words[0], "--"))
        words++;
    else if (words[0] && !after_dashes(original, words[0]) && command_is_noun(words[0])) {
        if (!options->help)
            return command_run(&options->command, words);
        const char *const help[] = {"help", words[0], words[1], NULL};
        return command_run(&options->command, (char *const *)(gintptr)help);
    }
    if (options->help || options->version) {
        const char *const only[] = {options->help ? "help" : "version", NULL};
        return command_run(&options->command, (char *const *)(gintptr)only);
    }
    return run_console(options, words);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
    Options options = {.command = {.targets = g_ptr_array_new_with_free_func(g_free)}};
    g_autofree char **original = g_memdup2(argv, sizeof *argv * ((size_t)argc + 1));
    g_autoptr(GError) error = NULL;
    int status = EXIT_USAGE;
    if (parse(&options, &argc, &argv, &error))
        status = dispatch(&options, original, argv + 1);
    else
        fprintf(stderr, "gantry: %s; see gantry help\n", error->message);
    link_finish(FINISH);
    g_ptr_array_unref(options.command.targets);
    g_free(options.command.ssh_config);
    return status;
}
