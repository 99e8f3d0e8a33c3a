#include "tui/screen/glyph.h"

static const struct {
    const char *sign, *plain, *ascii; /* plain: may be NULL */
} glyphs[GLYPH_COUNT] = {
    [GLYPH_RUNNING] = {"●", "•", "*"},       [GLYPH_STOPPED] = {"○", "·", "-"},
    [GLYPH_PAUSED] = {"◐", NULL, "="},       [GLYPH_MOVING] = {"⇢", "→", ">"},
    [GLYPH_FAILED] = {"✖", NULL, "X"},       [GLYPH_UNKNOWN] = {"◌", NULL, "?"},
    [GLYPH_ATTENTION] = {"▲", NULL, "!"},    [GLYPH_TASK] = {"⟳", NULL, "@"},
    [GLYPH_DONE] = {"●", "•", "*"},          [GLYPH_CURSOR] = {"▌", NULL, ">"},
    [GLYPH_MARK] = {"√", NULL, "+"},         [GLYPH_MORE] = {"…", NULL, "~"},
    [GLYPH_UP] = {"↑", NULL, "^"},           [GLYPH_DOWN] = {"↓", NULL, "v"},
    [GLYPH_INTO] = {"›", NULL, ">"},         [GLYPH_HORIZONTAL] = {"─", NULL, "-"},
    [GLYPH_VERTICAL] = {"│", NULL, "|"},     [GLYPH_TOP_LEFT] = {"┌", NULL, "+"},
    [GLYPH_TOP_RIGHT] = {"┐", NULL, "+"},    [GLYPH_BOTTOM_LEFT] = {"└", NULL, "+"},
    [GLYPH_BOTTOM_RIGHT] = {"┘", NULL, "+"}, [GLYPH_BAR_FULL] = {"█", NULL, "#"},
    [GLYPH_BAR_EMPTY] = {"░", NULL, "."},
};

G_STATIC_ASSERT(GLYPH_COUNT <= 32);

const GlyphSet glyphs_full = {0, 0}, glyphs_ascii = {0, G_MAXUINT32};

/* Small fonts draw the triangle as they draw the arrow, which would be read as one. */
static bool is_shown(const Font *font, const char *text)
{
    gunichar sign = text ? g_utf8_get_char(text) : 0;
    return sign && font_has(font, sign) &&
           !(sign == 0x25b2 && font_confuses(font, sign, 0x2191));
}

GlyphSet glyph_set_of(const Font *font)
{
    GlyphSet set = glyphs_full;
    for (guint i = 0; i < GLYPH_COUNT; i++) {
        if (is_shown(font, glyphs[i].sign))
            continue;
        if (is_shown(font, glyphs[i].plain))
            set.plain |= 1u << i;
        else
            set.ascii |= 1u << i;
    }
    return set;
}

const char *glyph_text(Glyph glyph, const GlyphSet *set)
{
    if (set->ascii >> glyph & 1)
        return glyphs[glyph].ascii;
    return set->plain >> glyph & 1 ? glyphs[glyph].plain : glyphs[glyph].sign;
}

wchar_t glyph_sign(Glyph glyph, const GlyphSet *set)
{
    return (wchar_t)g_utf8_get_char(glyph_text(glyph, set));
}
