/* Writes gantry-protocol(7) from the tables that the programs themselves use:
 * protocol_page TEMPLATE > PAGE. A line @METHODS@, @OBJECTS@ or @ERRORS@ of the
 * template is replaced by the table of that name. */
#include "backend/wire/error.h"
#include "backend/wire/method.h"
#include "backend/wire/object.h"

#include <stdio.h>
#include <string.h>

/* A line of roff must not begin with a dot or a quote; backslashes are escapes. */
static void print_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++)
        fputs(*text == '\\' ? "\\e" : (char[]){*text, '\0'}, stdout);
    putchar('\n');
}

static void print_parameters(const WireParameter *parameters)
{
    if (!parameters || !parameters->name)
        return;
    puts(".Bl -tag -width timeout -compact");
    for (const WireParameter *p = parameters; p->name; p++) {
        g_autofree char *type = wire_parameter_describe(p);
        printf(".It Va %s%s\n", p->name, p->required ? " No (needed)" : "");
        g_autofree char *text = g_strdup_printf("%s; %s", p->help, type);
        print_text(text);
    }
    puts(".El");
}

static void print_methods(void)
{
    puts(".Bl -tag -width Ds");
    for (const WireMethod *method = wire_methods(); method->name; method++) {
        printf(".It Ic %s No (%s%s)\n", method->name, wire_role_name(method->role),
               method->task ? ", task" : "");
        print_text(method->help);
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
            print_text(field->help);
        }
        puts(".El");
    }
}

static void print_errors(void)
{
    for (int code = 0; code < WIRE_ERROR_COUNT; code++) {
        printf(".It Ql %s\n", wire_error_name((WireErrorCode)code));
        print_text(wire_error_help((WireErrorCode)code));
    }
}

static void print_line(const char *line)
{
    static const struct {
        const char *mark;
        void (*print)(void);
    } tables[] = {{"@METHODS@\n", print_methods},
                  {"@OBJECTS@\n", print_objects},
                  {"@ERRORS@\n", print_errors}};
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        if (strcmp(line, tables[i].mark) == 0) {
            tables[i].print();
            return;
        }
    }
    fputs(line, stdout);
}

int main(int argc, char **argv)
{
    char line[4096];
    FILE *template = argc == 2 ? fopen(argv[1], "re") : NULL;
    if (!template) {
        fprintf(stderr, "usage: protocol_page TEMPLATE\n");
        return 2;
    }
    while (fgets(line, sizeof line, template))
        print_line(line);
    (void)fclose(template);
    return fflush(stdout) == 0 ? 0 : 1;
}
