#include "man/page.h"

#include <stdio.h>
#include <string.h>

/* Backslashes are escapes; a dash alone would become a hyphen that can't be typed. */
static void print_escaped(const char *text)
{
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
}

/* A line of roff must not begin with a dot or a quote. */
void page_print_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    print_escaped(text);
    putchar('\n');
}

/* Punctuation that stands alone, and words that are macros, would be taken as such. */
void page_print_word(const char *text)
{
    fputs("\\&", stdout);
    for (const char *at = text; *at; at++) {
        if (*at == '"')
            fputs("\\(dq", stdout);
        else if (*at == ' ')
            fputs("\\ ", stdout);
        else
            print_escaped((char[]){*at, '\0'});
    }
}

static void print_line(const char *line, const PageTable *tables)
{
    for (const PageTable *table = tables; table->mark; table++) {
        if (strcmp(line, table->mark) == 0) {
            table->print();
            return;
        }
    }
    fputs(line, stdout);
}

int page_main(int argc, char **argv, const PageTable *tables)
{
    char line[4096];
    FILE *template = argc == 2 ? fopen(argv[1], "re") : NULL;
    if (!template) {
        fprintf(stderr, "usage: %s TEMPLATE\n", argv[0]);
        return 2;
    }
    while (fgets(line, sizeof line, template))
        print_line(line, tables);
    (void)fclose(template);
    return fflush(stdout) == 0 ? 0 : 1;
}
