/* The tables of gantry(1) and gantry-config(5): commands and their arguments,
 * actions and their keys, configuration, roles of a skin, skins, columns. */
#include "backend/wire/method.h"
#include "backend/wire/object.h"
#include "conf/console.h"
#include "man/config_table.h"
#include "man/page.h"
#include "tui/action.h"
#include "tui/command/arguments.h"
#include "tui/command/help.h"
#include "tui/command/table.h"
#include "tui/model/fields.h"
#include "tui/screen/skin.h"

#include <stdio.h>
#include <string.h>

/* ---- commands ---- */

static char *dashed(const char *name)
{
    return g_strdelimit(g_strdup(name), "_", '-');
}

static const WireParameter *parameters_of(const Command *command)
{
    static const WireParameter none = {NULL};
    const WireMethod *method = command->kind != COMMAND_EVENTS ? command_method(command) : NULL;
    return method && method->parameters ? method->parameters : &none;
}

static gboolean is_task(const Command *command)
{
    const WireMethod *method = command_method(command);
    return method && method->task;
}

static void print_synopsis(const Command *command)
{
    printf(".It Cm %s%s%s", command->noun, command->verb ? " " : "",
           command->verb ? command->verb : "");
    if (command->kind == COMMAND_API)
        fputs(" Ar METHOD Op Ar JSON", stdout);
    for (const WireParameter *p = parameters_of(command); p->name; p++) {
        if (!arguments_is_positional(p))
            continue;
        g_autofree char *upper = g_ascii_strup(p->name, -1);
        printf(" Ar %s%s", upper, p->type == WIRE_TYPE_STRINGS ? " ..." : "");
    }
    if (command->kind == COMMAND_LOG)
        fputs(" Oo Fl f Oc", stdout);
    for (const WireParameter *p = parameters_of(command); p->name; p++) {
        if (arguments_is_positional(p))
            continue;
        g_autofree char *name = dashed(p->name);
        printf(" Oo Fl \\-%s%s Oc", name, p->type == WIRE_TYPE_BOOLEAN ? "" : " Ar VALUE");
    }
    puts(is_task(command) ? " Oo Fl \\-no\\-wait Oc" : "");
}

static void print_parameters(const Command *command)
{
    const WireParameter *parameters = parameters_of(command);
    if (!parameters->name)
        return;
    puts(".Bl -tag -width Ds -compact");
    for (const WireParameter *p = parameters; p->name; p++) {
        gboolean positional = arguments_is_positional(p);
        g_autofree char *name = positional ? g_ascii_strup(p->name, -1) : dashed(p->name);
        g_autofree char *kind = wire_parameter_describe(p);
        /* The help of these says it all. */
        gboolean plain = p->type == WIRE_TYPE_BOOLEAN || p->type == WIRE_TYPE_GUEST ||
                         p->type == WIRE_TYPE_TASK;
        g_autofree char *text =
            g_strdup_printf("%s%s%s.", p->help, plain ? "" : "; ", plain ? "" : kind);
        printf(positional ? ".It Ar %s\n" : ".It Fl \\-%s\n", name);
        page_print_text(text);
    }
    puts(".El");
}

static void print_commands(void)
{
    const char *noun = "";
    for (const Command *command = command_table(); command->noun; command++) {
        if (strcmp(noun, command->noun) != 0) {
            printf("%s.Ss %s\n.Bl -tag -width Ds\n", *noun ? ".El\n" : "", command->noun);
            noun = command->noun;
        }
        const WireMethod *method = command_method(command);
        const char *role = method ? wire_role_name(method->role) : NULL;
        g_autofree char *text = g_strconcat(help_summary(command), role ? " (" : "",
                                            role ? role : "", role ? ")." : ".", NULL);
        print_synopsis(command);
        page_print_text(text);
        print_parameters(command);
    }
    puts(".El");
}

/* ---- actions ---- */

static void print_item(const char *term, const char *text)
{
    g_autofree char *sentence = g_strconcat(text, ".", NULL);
    fputs(".It ", stdout);
    page_print_word(term);
    putchar('\n');
    page_print_text(sentence);
}

/* Keys that work there, and not in all the places of `but` too. */
static void print_keys_in(const char *title, unsigned where, unsigned but)
{
    printf(".Ss %s\n.Bl -tag -width \"Ctrl-P Ctrl-U\" -compact\n", title);
    for (const Action *action = actions(); action->name; action++)
        if (action->keys && action->where & where && !(action->where & but))
            print_item(action->keys, action->help);
    puts(".El");
}

static void print_keys(void)
{
    print_keys_in("Everywhere", IN_ANY, 0);
    print_keys_in("Tables", IN_TABLE, IN_ANY);
    print_keys_in("The dashboard", IN_DASHBOARD, IN_ANY | IN_TABLE);
    print_keys_in("Guests, nodes, tasks and other objects", (1u << OBJECT_KIND_COUNT) - 1,
                  IN_ANY | IN_TABLE | IN_DASHBOARD);
}

/* The acts of a menu, with its keys. */
static void print_menu_of(unsigned where)
{
    puts(".Bl -tag -width Ds -compact");
    for (const Action *action = actions(); action->name; action++) {
        if (!action->method || !(action->where & where))
            continue;
        g_autofree char *text = g_strconcat(action->label, ": ", action->help, NULL);
        print_item(action->menu ? action->menu : "", text);
    }
    puts(".El");
}

static void print_menu(void)
{
    print_menu_of((1u << OBJECT_KIND_COUNT) - 1);
}

static void print_cluster_menu(void)
{
    print_menu_of(IN_CLUSTER);
}

static void print_actions(void)
{
    puts(".Bl -tag -width Ds -compact");
    for (const Action *action = actions(); action->name; action++) {
        g_autofree char *text = g_strconcat(action->label, action->keys ? " (" : "",
                                            action->keys ? action->keys : "",
                                            action->keys ? ")" : "", ": ", action->help, NULL);
        print_item(action->name, text);
    }
    puts(".El");
}

/* ---- configuration ---- */

static void print_config(void)
{
    config_table_print(conf_console_entries());
}

static void print_clusters(void)
{
    config_table_print(conf_clusters_entries());
}

static void print_roles(void)
{
    for (int role = 0; role < ROLE_COUNT; role++)
        printf("%s%s\n", skin_role_name((Role)role), role + 1 < ROLE_COUNT ? "," : ".");
}

static void print_skins(void)
{
    for (const char *const *name = skin_names(); *name; name++)
        printf("%s%s\n", *name, name[1] ? "," : ".");
}

static void print_columns(void)
{
    puts(".Bl -tag -width Ds -compact");
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        if (kind == OBJECT_LOST_GUEST)
            continue; /* shown as a guest */
        printf(".It of a %s\n", object_kind_name((ObjectKind)kind));
        for (const ModelField *field = model_fields((ObjectKind)kind); field->name; field++)
            printf("%s%s\n", field->name, field[1].name ? "," : "");
    }
    puts(".El");
}

int main(int argc, char **argv)
{
    static const PageTable tables[] = {{"@COMMANDS@\n", print_commands},
                                       {"@KEYS@\n", print_keys},
                                       {"@MENU@\n", print_menu},
                                       {"@CLUSTER_MENU@\n", print_cluster_menu},
                                       {"@ACTIONS@\n", print_actions},
                                       {"@CONFIG@\n", print_config},
                                       {"@CLUSTERS@\n", print_clusters},
                                       {"@ROLES@\n", print_roles},
                                       {"@SKINS@\n", print_skins},
                                       {"@COLUMNS@\n", print_columns},
                                       {NULL, NULL}};
    return page_main(argc, argv, tables);
}
