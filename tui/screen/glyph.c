#include "tui/screen/glyph.h"

#include <glib.h>

static const struct {
    const char *sign, *ascii;
} glyphs[GLYPH_COUNT] = {
    [GLYPH_RUNNING] = {"●", "*"},      [GLYPH_STOPPED] = {"○", "-"},
    [GLYPH_PAUSED] = {"◐", "="},       [GLYPH_MOVING] = {"⇢", ">"},
    [GLYPH_FAILED] = {"✖", "X"},       [GLYPH_UNKNOWN] = {"◌", "?"},
    [GLYPH_ATTENTION] = {"▲", "!"},    [GLYPH_TASK] = {"⟳", "@"},
    [GLYPH_DONE] = {"●", "*"},         [GLYPH_CURSOR] = {"▌", ">"},
    [GLYPH_MARK] = {"√", "+"},         [GLYPH_MORE] = {"…", "~"},
    [GLYPH_UP] = {"↑", "^"},           [GLYPH_DOWN] = {"↓", "v"},
    [GLYPH_INTO] = {"›", ">"},         [GLYPH_HORIZONTAL] = {"─", "-"},
    [GLYPH_VERTICAL] = {"│", "|"},     [GLYPH_TOP_LEFT] = {"┌", "+"},
    [GLYPH_TOP_RIGHT] = {"┐", "+"},    [GLYPH_BOTTOM_LEFT] = {"└", "+"},
    [GLYPH_BOTTOM_RIGHT] = {"┘", "+"}, [GLYPH_BAR_FULL] = {"█", "#"},
    [GLYPH_BAR_EMPTY] = {"░", "."},
};

const char *glyph_text(Glyph glyph, bool ascii)
{
    return ascii ? glyphs[glyph].ascii : glyphs[glyph].sign;
}

wchar_t glyph_sign(Glyph glyph, bool ascii)
{
    return (wchar_t)g_utf8_get_char(glyph_text(glyph, ascii));
}
