/* The tables of gantry-protocol(7): methods, objects and errors. */
#include "backend/wire/error.h"
#include "backend/wire/method.h"
#include "backend/wire/object.h"
#include "man/page.h"

#include <stdio.h>

static void print_parameters(const WireParameter *parameters)
{
    if (!parameters || !parameters->name)
        return;
    puts(".Bl -tag -width timeout -compact");
    for (const WireParameter *p = parameters; p->name; p++) {
        g_autofree char *type = wire_parameter_describe(p);
        printf(".It Va %s%s\n", p->name, p->required ? " No (needed)" : "");
        g_autofree char *text = g_strdup_printf("%s; %s", p->help, type);
        page_print_text(text);
    }
    puts(".El");
}

static void print_methods(void)
{
    puts(".Bl -tag -width Ds");
    for (const WireMethod *method = wire_methods(); method->name; method++) {
        printf(".It Ic %s No (%s%s)\n", method->name, wire_role_name(method->role),
               method->task ? ", task" : "");
        page_print_text(method->help);
        puts(".br");
        printf("Answers: %s.\n", method->result);
        print_parameters(method->parameters);
    }
    puts(".El");
}

static void print_objects(void)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        printf(".Ss %s\n.Bl -tag -width stale_since -compact\n",
               object_kind_name((ObjectKind)kind));
        for (const ObjectField *field = object_kind_fields((ObjectKind)kind); field->name;
             field++) {
            printf(".It Va %s No (%s%s%s)\n", field->name, field->type, field->unit ? ", " : "",
                   field->unit ? field->unit : "");
            page_print_text(field->help);
        }
        puts(".El");
    }
}

static void print_errors(void)
{
    for (int code = 0; code < WIRE_ERROR_COUNT; code++) {
        printf(".It Ql %s\n", wire_error_name((WireErrorCode)code));
        page_print_text(wire_error_help((WireErrorCode)code));
    }
}

int main(int argc, char **argv)
{
    static const PageTable tables[] = {{"@METHODS@\n", print_methods},
                                       {"@OBJECTS@\n", print_objects},
                                       {"@ERRORS@\n", print_errors},
                                       {NULL, NULL}};
    return page_main(argc, argv, tables);
}
