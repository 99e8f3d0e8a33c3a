/* screen/glyph - signs, what stands for them where a font lacks them, and their ASCII
 * twins, in one table. */
#pragma once

#include "tui/screen/font.h"

#include <wchar.h>

typedef enum {
    GLYPH_RUNNING,
    GLYPH_STOPPED,
    GLYPH_PAUSED,
    GLYPH_MOVING,
    GLYPH_FAILED,
    GLYPH_UNKNOWN,
    GLYPH_ATTENTION,
    GLYPH_TASK,
    GLYPH_DONE,
    GLYPH_CURSOR, /* the gutter's mark of the row that keys act on */
    GLYPH_MARK,   /* the gutter's mark of a marked row */
    GLYPH_MORE,   /* the text goes on */
    GLYPH_UP,
    GLYPH_DOWN,
    GLYPH_INTO, /* between the parts of a path */
    GLYPH_HORIZONTAL,
    GLYPH_VERTICAL,
    GLYPH_TOP_LEFT,
    GLYPH_TOP_RIGHT,
    GLYPH_BOTTOM_LEFT,
    GLYPH_BOTTOM_RIGHT,
    GLYPH_BAR_FULL,
    GLYPH_BAR_EMPTY,
    GLYPH_COUNT
} Glyph;

/* Which form of each sign is shown: a bit each; neither is the sign itself. */
typedef struct {
    guint32 plain, ascii;
} GlyphSet;

extern const GlyphSet glyphs_full, glyphs_ascii;

/* The best forms that a font (NULL: any) has. */
GlyphSet glyph_set_of(const Font *font);
wchar_t glyph_sign(Glyph glyph, const GlyphSet *set);
/* The same as UTF-8, static. */
const char *glyph_text(Glyph glyph, const GlyphSet *set);
