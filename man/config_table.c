#include "man/config_table.h"

#include "man/page.h"

#include <stdio.h>

static const ConfEntry *const no_entries = &(const ConfEntry){NULL};

/* "a list of at most 16; each: an absolute path" */
static void append_kind(GString *text, const ConfEntry *entry)
{
    g_autofree char *kind = conf_entry_describe(entry);
    g_string_append(text, kind);
    if (entry->type == CONF_STRING && entry->max)
        g_string_append_printf(text, ", at most %" G_GINT64_FORMAT " bytes", entry->max);
    if (entry->type == CONF_LIST && entry->max)
        g_string_append_printf(text, " of at most %" G_GINT64_FORMAT, entry->max);
    if (entry->item && !entry->item->members) {
        g_string_append_printf(text, "; each: %s, ", entry->item->help);
        append_kind(text, entry->item);
    }
}

static void print_entry(const char *prefix, const ConfEntry *entry)
{
    g_autofree char *path = g_strconcat(prefix, *prefix ? "." : "", entry->name, NULL);
    g_autoptr(GString) text = g_string_new(entry->help);
    if (entry->type != CONF_MAPPING) {
        g_string_append(text, ": ");
        append_kind(text, entry);
    }
    g_string_append(text, entry->required ? "; must be given." : ".");
    fputs(".It Va ", stdout);
    page_print_word(path);
    putchar('\n');
    page_print_text(text->str);
    if (entry->fallback) {
        g_autofree char *fallback = g_strdup_printf("Default: %s.", entry->fallback);
        page_print_text(fallback);
    }

    const ConfEntry *member = entry->members ? entry->members : no_entries;
    g_autofree char *inner = g_strdup(path);
    if (entry->item && entry->item->members) {
        member = entry->item->members;
        g_free(inner);
        inner = g_strconcat(path, "[]", NULL);
    }
    for (; member->name; member++)
        print_entry(inner, member);
}

void config_table_print(const ConfEntry *entries)
{
    puts(".Bl -tag -width Ds");
    for (; entries->name; entries++)
        print_entry("", entries);
    puts(".El");
}
