/* man/page - manual pages in mdoc(7), made from a template and the tables that
 * the programs themselves use, so that a page can't say what they don't do.
 *
 * A line of the template that is a mark, as @METHODS@, is replaced by what its
 * function prints on standard output; all other lines are copied.
 */
#pragma once

typedef struct {
    const char *mark; /* "@METHODS@\n" */
    void (*print)(void);
} PageTable;

/* main() of a program PROGRAM TEMPLATE > PAGE. tables ends with one without a mark. */
int page_main(int argc, char **argv, const PageTable *tables);

/* Prints text as one line of the page: nothing in it is taken as roff. */
void page_print_text(const char *text);
/* The same for an argument of a macro, without a newline. */
void page_print_word(const char *text);
