#include "tui/command/help.h"

#include "tui/command/arguments.h"

#include <string.h>

const char *help_summary(const Command *command)
{
    const WireMethod *method = command_method(command);
    return command->help ? command->help : method ? method->help : "";
}

static void append_name(GString *text, const WireParameter *p)
{
    g_autofree char *name = g_strdelimit(g_strdup(p->name), "_", '-');
    g_string_append(text, name);
}

/* "gantry guest shutdown GUEST [OPTIONS]" */
static char *usage(const Command *command)
{
    GString *text = g_string_new("gantry ");
    g_string_append(text, command->noun);
    if (command->verb)
        g_string_append_printf(text, " %s", command->verb);
    if (command->kind == COMMAND_API)
        g_string_append(text, " METHOD [JSON]");
    const WireMethod *method = command_method(command);
    gboolean options = FALSE;
    for (const WireParameter *p = method ? method->parameters : NULL;
         command->kind != COMMAND_EVENTS && p && p->name; p++) {
        if (!arguments_is_positional(p)) {
            options = TRUE;
            continue;
        }
        g_autofree char *upper = g_ascii_strup(p->name, -1);
        g_string_append_printf(text, p->type == WIRE_TYPE_STRINGS ? " %s..." : " %s", upper);
    }
    if (options || (method && method->task))
        g_string_append(text, " [OPTIONS]");
    return g_string_free(text, FALSE);
}

static void append_commands(GString *text, const char *noun)
{
    size_t width = 0;
    for (const Command *c = command_table(); c->noun; c++)
        width = MAX(width, strlen(c->noun) + (c->verb ? strlen(c->verb) : 0) + 1);
    for (const Command *c = command_table(); c->noun; c++) {
        if (noun && strcmp(noun, c->noun) != 0)
            continue;
        g_autofree char *name = g_strjoin(" ", c->noun, c->verb, NULL);
        g_string_append_printf(text, "  %-*s  %s\n", (int)width, name, help_summary(c));
    }
}

char *help_all(void)
{
    GString *text = g_string_new(
        "usage: gantry [OPTIONS] [TARGET...]         the console, full screen\n"
        "       gantry [OPTIONS] NOUN VERB [ARGS]    one command\n"
        "\n"
        "TARGET: node, user@host:port, ssh://user@host:port, unix:/path or local,\n"
        "or, for the console, the name of a cluster in clusters.yaml. A target that is\n"
        "named as a noun is written after --.\n"
        "\n"
        "Options:\n"
        "  -H, --host TARGET        the node; may be repeated. The agent of this machine\n"
        "                           when absent\n"
        "  -o, --output FORMAT      table, json or yaml\n"
        "  -F, --ssh-config FILE    read instead of ~/.ssh/config\n"
        "      --plain              print the dashboard once as text\n"
        "      --readonly           a console that changes nothing\n"
        "      --ascii              draw with ASCII only\n"
        "      --mouse              take the mouse\n"
        "  -h, --help               help; also after a noun or a verb\n"
        "      --version            the version\n"
        "\n"
        "Commands:\n");
    append_commands(text, NULL);
    g_string_append(text, "  version           prints the version\n"
                          "\n"
                          "A guest is vm/100, 100 or its name. Exit status: 0 done, 1 failed,\n"
                          "2 usage, 3 not allowed, 4 not reachable, 5 not found.\n");
    return g_string_free(text, FALSE);
}

char *help_noun(const char *noun)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "usage: gantry [OPTIONS] %s VERB [ARGS]\n\n", noun);
    append_commands(text, noun);
    return g_string_free(text, FALSE);
}

static void append_parameter(GString *text, const WireParameter *p)
{
    g_autofree char *expected = wire_parameter_describe(p);
    g_autoptr(GString) name = g_string_new("  ");
    if (arguments_is_positional(p)) {
        g_autofree char *upper = g_ascii_strup(p->name, -1);
        g_string_append(name, upper);
    } else {
        g_string_append(name, "--");
        append_name(name, p);
        if (p->type != WIRE_TYPE_BOOLEAN)
            g_string_append(name, " VALUE");
    }
    g_string_append_printf(text, "%-22s  %s", name->str, p->help);
    if (p->type != WIRE_TYPE_BOOLEAN && p->type != WIRE_TYPE_GUEST && p->type != WIRE_TYPE_TASK)
        g_string_append_printf(text, "; %s", expected);
    g_string_append_c(text, '\n');
}

char *help_command(const Command *command)
{
    const WireMethod *method = command_method(command);
    g_autofree char *line = usage(command);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "usage: %s\n\n%s\n\n", line, help_summary(command));
    for (const WireParameter *p = method ? method->parameters : NULL;
         command->kind != COMMAND_EVENTS && p && p->name; p++)
        append_parameter(text, p);
    if (method && method->task)
        g_string_append(text,
                        "  --no-wait             print the task's identifier, don't wait\n");
    if (command->kind == COMMAND_LOG)
        g_string_append(text, "  -f                    follow it to its end\n");
    if (method)
        g_string_append_printf(text, "\nMethod %s, role %s. Result: %s.\n", method->name,
                               wire_role_name(method->role), method->result);
    return g_string_free(text, FALSE);
}
