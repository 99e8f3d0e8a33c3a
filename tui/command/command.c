#include "tui/command/command.h"

#include "backend/wire/error.h"
#include "config.h"
#include "tui/command/act.h"
#include "tui/command/complete.h"
#include "tui/command/help.h"
#include "tui/command/output.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

gboolean command_format_from_name(const char *name, OutputFormat *out)
{
    static const char *const names[] = {"table", "json", "yaml"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(name, names[i])) {
            *out = (OutputFormat)i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean has_verbs(const char *noun)
{
    for (const Command *c = command_table(); c->noun; c++)
        if (g_str_equal(c->noun, noun))
            return TRUE;
    return FALSE;
}

gboolean command_is_noun(const char *word)
{
    return has_verbs(word) || g_str_equal(word, "help") || g_str_equal(word, "version") ||
           g_str_equal(word, "__complete");
}

static int print_and_free(char *text)
{
    gboolean good = output_print(text);
    g_free(text);
    return good ? 0 : 1;
}

static int unknown_command(const char *word)
{
    g_autofree char *clean = g_utf8_make_valid(word, -1);
    fprintf(stderr, "gantry: there is no command '%s'; see gantry help\n", clean);
    return EXIT_USAGE;
}

static int help(char *const *words)
{
    if (!words[0])
        return print_and_free(help_all());
    const Command *command = command_find(words[0], words[1]);
    if (command)
        return print_and_free(help_command(command));
    if (words[1] || !has_verbs(words[0]))
        return unknown_command(words[1] ? words[1] : words[0]);
    return print_and_free(help_noun(words[0]));
}

static gboolean perform(const Act *act, char *const *words, GError **error)
{
    switch (act->command->kind) {
    case COMMAND_LIST:
    case COMMAND_SAME:
        return act_list(act, error);
    case COMMAND_SHOW:
        return act_show(act, error);
    case COMMAND_ACT:
        return act_change(act, error);
    case COMMAND_TEXT:
    case COMMAND_LINES:
        return act_text(act, error);
    case COMMAND_CONSOLE:
        return act_console(act, error);
    case COMMAND_EXEC:
        return act_exec(act, error);
    case COMMAND_LOG:
        return act_log(act, error);
    case COMMAND_EVENTS:
        return act_events(act, error);
    case COMMAND_CLUSTER_STATUS:
        return act_cluster_status(act, error);
    case COMMAND_CLUSTER_JOIN:
        return act_cluster_join(act, error);
    case COMMAND_CLUSTER_DEVICE:
        return act_cluster_device(act, error);
    case COMMAND_CLUSTER_ADDRESS:
        return act_cluster_address(act, error);
    case COMMAND_CLUSTER_LINK:
        return act_cluster_link(act, error);
    case COMMAND_CLUSTER_RENAME:
        return act_cluster_rename(act, error);
    case COMMAND_CONSOLE_SETTINGS:
        return act_console_settings(act, error);
    case COMMAND_CLUSTER_SETTINGS:
        return act_cluster_settings(act, error);
    case COMMAND_GUEST_MIGRATE:
        return act_guest_migrate(act, error);
    case COMMAND_GUEST_NOTES:
        return act_guest_notes(act, error);
    case COMMAND_NODE_DRAIN:
        return act_node_drain(act, error);
    case COMMAND_WHOAMI:
        return act_whoami(act, error);
    case COMMAND_API:
    default:
        return act_api(act, words, error);
    }
}

/* api takes its words as they are; the others by their method. */
static gboolean parse(const Command *command, char *const *words, CommandOptions *options,
                      Arguments *arguments, GError **error)
{
    if (command->kind == COMMAND_API) {
        arguments->help =
            words[0] && (g_str_equal(words[0], "--help") || g_str_equal(words[0], "-h"));
        return TRUE;
    }
    const WireMethod *method = command->kind != COMMAND_EVENTS ? command_method(command) : NULL;
    return arguments_parse(method, words, options, arguments, error);
}

static int run(const Command *command, CommandOptions *options, char *const *words)
{
    g_autoptr(GError) error = NULL;
    g_auto(Arguments) arguments = {0};
    if (!parse(command, words, options, &arguments, &error)) {
        int status = act_complain(error);
        fprintf(stderr, "See: gantry %s%s%s --help\n", command->noun, command->verb ? " " : "",
                command->verb ? command->verb : "");
        return status;
    }
    if (arguments.help)
        return print_and_free(help_command(command));
    int status = 0;
    g_autoptr(Client) client = client_new(options, &error);
    Act act = {.client = client,
               .command = command,
               .method = command_method(command),
               .options = options,
               .arguments = &arguments,
               .status = &status};
    if (!client || !perform(&act, words, &error))
        return act_complain(error);
    return status;
}

int command_run(CommandOptions *options, char *const *words)
{
    const char *noun = words[0], *verb = words[1];
    if (g_str_equal(noun, "help"))
        return help(words + 1);
    if (g_str_equal(noun, "version"))
        return print_and_free(g_strdup("gantry " GANTRY_VERSION "\n"));
    if (g_str_equal(noun, "__complete"))
        return complete_run(words + 1);
    const Command *command = command_find(noun, verb);
    if (command)
        return run(command, options, words + (command->verb ? 2 : 1));
    if (verb && (g_str_equal(verb, "--help") || g_str_equal(verb, "-h")))
        return print_and_free(help_noun(noun));
    g_autofree char *known = help_noun(noun);
    if (verb)
        fprintf(stderr, "gantry: %s has no verb '%s'\n", noun, verb);
    fputs(known, stderr);
    return EXIT_USAGE;
}
