#include "agent/pages.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* A line of proc(5)'s maps: "START-END r-xp OFFSET DEVICE INODE PATH". */
static int parse_code(const char *line, uintptr_t *start, uintptr_t *end)
{
    char access[5];
    unsigned long inode;
    return sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", start, end, access,
                  &inode) == 4 &&
           strcmp(access, "r-xp") == 0 && inode != 0;
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
