#include "agent/pages.h"

#include <glib.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define OWN_PAGES "Anonymous:"

/* A mapping of proc(5)'s smaps. */
typedef struct {
    uintptr_t start, end;
    gboolean is_copy; /* of a file, and not writable */
} Mapping;

/* "START-END r-xp OFFSET DEVICE INODE PATH"; FALSE for a line about the mapping. */
static gboolean parse_head(const char *line, Mapping *mapping)
{
    char *at;
    uintptr_t start = strtoul(line, &at, 16);
    if (at == line || *at != '-')
        return FALSE;
    uintptr_t end = strtoul(at + 1, &at, 16);
    g_auto(GStrv) words = g_strsplit(at, " ", 6);
    if (g_strv_length(words) < 5)
        return FALSE;
    *mapping = (Mapping){
        .start = start,
        .end = end,
        .is_copy = g_str_has_prefix(words[1], "r-") && strtoul(words[4], NULL, 10) != 0,
    };
    return TRUE;
}

void pages_release(void)
{
    char line[4096];
    Mapping mapping = {0};
    FILE *maps = fopen("/proc/self/smaps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        /* Pages of its own are relocations, made before it was write-protected. */
        if (!parse_head(line, &mapping) && mapping.is_copy &&
            g_str_has_prefix(line, OWN_PAGES) &&
            strtoul(line + strlen(OWN_PAGES), NULL, 10) == 0)
            (void)madvise((void *)mapping.start, mapping.end - mapping.start, /* NOLINT */
                          MADV_DONTNEED);
    }
    if (maps)
        (void)fclose(maps);
    (void)malloc_trim(0);
}
