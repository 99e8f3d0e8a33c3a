#include "agent/pages.h"

#include <glib.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A line of proc(5)'s maps: "START-END r-xp OFFSET DEVICE INODE PATH". */
static gboolean parse_code(const char *line, uintptr_t *start, uintptr_t *end)
{
    char *at;
    *start = strtoul(line, &at, 16);
    if (*at != '-')
        return FALSE;
    *end = strtoul(at + 1, &at, 16);
    if (!g_str_has_prefix(at, " r-xp "))
        return FALSE;
    g_auto(GStrv) rest = g_strsplit(at + strlen(" r-xp "), " ", 4);
    return g_strv_length(rest) == 4 && strtoul(rest[2], NULL, 10) != 0;
}

void pages_release(void)
{
    char line[4096];
    uintptr_t start, end;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps))
        if (parse_code(line, &start, &end))
            (void)madvise((void *)start, end - start, MADV_DONTNEED); /* NOLINT */
    if (maps)
        (void)fclose(maps);
    (void)malloc_trim(0);
}
