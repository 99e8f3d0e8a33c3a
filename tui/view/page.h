/* view/page - a page of sections, facts and tables, to be read in a pager.
 *
 * Collects lines of text that line up: a fact is a label and its value, a table
 * has a heading and columns as wide as what is in them. A column that nothing is
 * known of is left out. What is not known is a dash. Text from outside may be
 * anything: it is made harmless here (and once more as it is drawn).
 */
#pragma once

#include "tui/widget/pager.h"

#include <jansson.h>

#define PAGE_LABEL 15 /* columns that labels take */

typedef struct Page Page;

/* glyphs: what bars are drawn with; must outlive the page. */
Page *page_new(const GlyphSet *glyphs);
void page_free(Page *page);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Page, page_free)

/* A blank line before it, unless it is the first; title may be NULL. */
void page_section(Page *page, const char *title);
/* A value of NULL or "" is a dash. */
void page_fact(Page *page, const char *label, const char *value);
void page_fact_in(Page *page, Role role, const char *label, const char *value);
void page_factf(Page *page, const char *label, const char *format, ...) G_GNUC_PRINTF(3, 4);
void page_line(Page *page, Role role, const char *text);

/* A table: cells are added row by row, then it is put on the page. A title begins
 * with ">" when its column goes to the right. The last column may be long. */
typedef struct PageTable PageTable;
PageTable *page_table_new(const char *const *titles);
/* Takes the text over; NULL or "" is a dash. */
void page_table_add(PageTable *table, char *text);
/* Puts it there and frees it; nothing when it has no row. */
void page_table_put(Page *page, PageTable *table);

/* A bar of so many columns, with the percentage behind it: "████░░  45%". */
char *page_bar(const Page *page, int columns, double percent);

/* The page as plain text, owned by it. */
const char *page_text(const Page *page);
/* Puts it into the pager in place of what was there; the pager stays where it is. */
void page_show(const Page *page, Pager *pager);

/* Members of JSON objects in words, to be g_freed; NULL when not known. */
char *page_word(const json_t *object, const char *key);  /* a string, a number, yes, no */
char *page_words(const json_t *object, const char *key); /* of a list, with commas */
char *page_bytes(const json_t *object, const char *key);
char *page_when(const json_t *object, const char *key);
char *page_duration(const json_t *object, const char *key);
/* NAN when it is not a number. */
double page_number(const json_t *object, const char *key);
