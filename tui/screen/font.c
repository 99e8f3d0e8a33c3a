#include "tui/screen/font.h"

#include <linux/kd.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum { PAIRS_MAX = 65535, BEFORE_SIGNS = 0x2000 };

struct Font {
    struct unipair *pairs; /* sorted; NULL: not known */
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return (int)((const struct unipair *)a)->unicode -
           (int)((const struct unipair *)b)->unicode;
}

static bool ask_kernel(Font *font, int terminal)
{
    struct unimapdesc map = {.entry_ct = PAIRS_MAX};
    map.entries = g_new(struct unipair, PAIRS_MAX);
    if (ioctl(terminal, GIO_UNIMAP, &map) < 0 || map.entry_ct == 0) {
        g_free(map.entries);
        return false;
    }
    font->count = map.entry_ct;
    font->pairs = g_renew(struct unipair, map.entries, font->count);
    qsort(font->pairs, font->count, sizeof *font->pairs, compare);
    return true;
}

Font *font_read(int terminal, const char *term)
{
    Font font = {0};
    if (!ask_kernel(&font, terminal) && !g_str_has_prefix(term, "linux"))
        return NULL;
    return g_memdup2(&font, sizeof font);
}

void font_free(Font *font)
{
    if (!font)
        return;
    g_free(font->pairs);
    g_free(font);
}

static const struct unipair *find(const Font *font, gunichar sign)
{
    const struct unipair key = {.unicode = (unsigned short)sign};
    return sign > 0xffff
               ? NULL
               : bsearch(&key, font->pairs, font->count, sizeof *font->pairs, compare);
}

/* What both the kernel's own font and those of Debian have. */
static bool is_usual(gunichar sign)
{
    static const gunichar signs[] = {0x2022, 0x2026, 0x2190, 0x2191, 0x2192, 0x2193, 0x2500,
                                     0x2502, 0x250c, 0x2510, 0x2514, 0x2518, 0x251c, 0x2524,
                                     0x252c, 0x2534, 0x253c, 0x2588, 0x2591, 0x2592, 0x25a0};
    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++)
        if (signs[i] == sign)
            return true;
    return sign < BEFORE_SIGNS;
}

bool font_has(const Font *font, gunichar sign)
{
    if (!font || sign < 0x80)
        return true;
    return font->pairs ? find(font, sign) != NULL : is_usual(sign);
}

bool font_confuses(const Font *font, gunichar one, gunichar other)
{
    if (!font || !font->pairs)
        return false;
    const struct unipair *a = find(font, one), *b = find(font, other);
    return a && b && a->fontpos == b->fontpos;
}
