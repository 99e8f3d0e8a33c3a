#include "tui/widget/chart.h"

#include <math.h>
#include <string.h>

static const char *const style_names[CHART_STYLES] = {"braille", "blocks", "ascii"};

const char *chart_style_name(ChartStyle style)
{
    return style_names[style];
}

bool chart_style_from_name(const char *name, ChartStyle *out)
{
    for (int i = 0; i < CHART_STYLES; i++) {
        if (g_strcmp0(style_names[i], name) == 0) {
            *out = (ChartStyle)i;
            return true;
        }
    }
    return false;
}

static bool is_shown(const Screen *screen, ChartStyle style)
{
    if (style == CHART_ASCII)
        return true;
    gunichar probe = style == CHART_BRAILLE ? 0x28ff : 0x2583;
    return !screen_ascii(screen) && screen_shows(screen, probe);
}

ChartStyle chart_style_shown(const Screen *screen, ChartStyle style)
{
    while (!is_shown(screen, style))
        style++;
    return style;
}

guint chart_width(ChartStyle style, int columns)
{
    return (guint)MAX(columns, 0) * (style == CHART_BRAILLE ? 2 : 1);
}

/* How many of height dots a value fills: at least one when it is known, so that
 * a flat line can be told from a gap. */
static int dots(float value, float top, int height)
{
    if (isnan(value))
        return 0;
    return CLAMP((int)lroundf(value / top * (float)height), 1, height);
}

/* The dots of one of a braille cell's two columns, filled from below. */
static unsigned braille_column(int filled, bool right)
{
    static const unsigned char left_bits[] = {0x40, 0x04, 0x02, 0x01},
                               right_bits[] = {0x80, 0x20, 0x10, 0x08};
    unsigned bits = 0;
    for (int i = 0; i < MIN(filled, 4); i++)
        bits |= right ? right_bits[i] : left_bits[i];
    return bits;
}

static wchar_t block(int filled)
{
    static const wchar_t eighths[] = L" ▁▂▃▄▅▆▇█";
    return eighths[CLAMP(filled, 0, 8)];
}

static float greatest(const float *values, guint count)
{
    float found = 0;
    for (guint i = 0; i < count; i++)
        if (values[i] > found)
            found = values[i];
    return found > 0 ? found : 1;
}

void chart_draw(Screen *screen, Box box, Role role, ChartStyle style, const float *values,
                guint count, float top)
{
    style = chart_style_shown(screen, style);
    guint wanted = chart_width(style, box.columns);
    if (count > wanted) {
        values += count - wanted;
        count = wanted;
    }
    if (top <= 0)
        top = greatest(values, count);
    int height = style == CHART_BRAILLE ? 4 : style == CHART_BLOCKS ? 8 : 2;
    guint offset = wanted - count;
    for (int column = 0; column < box.columns; column++) {
        for (int row = 0; row < box.rows; row++) {
            int below = (box.rows - 1 - row) * height;
            wchar_t sign = L' ';
            unsigned bits = 0;
            for (guint half = 0; half < (style == CHART_BRAILLE ? 2 : 1); half++) {
                guint at = (guint)column * (style == CHART_BRAILLE ? 2 : 1) + half;
                int filled =
                    at < offset ? 0 : dots(values[at - offset], top, box.rows * height);
                if (style == CHART_BRAILLE)
                    bits |= braille_column(MAX(filled - below, 0), half == 1);
                else if (style == CHART_BLOCKS)
                    sign = block(filled - below);
                else
                    sign = filled - below >= 2 ? L'#' : filled - below == 1 ? L'.' : L' ';
            }
            if (style == CHART_BRAILLE && bits)
                sign = (wchar_t)(0x2800 + bits);
            if (sign != L' ')
                draw_sign(screen, box.row + row, box.column + column, role, sign);
        }
    }
}

void gauge_draw(Screen *screen, int row, int column, int columns, double percent)
{
    int full = isnan(percent) ? 0 : (int)lround(CLAMP(percent, 0, 100) / 100 * columns);
    Role role = percent >= 97 ? ROLE_ERROR : percent >= 90 ? ROLE_WARNING : ROLE_CHART;
    for (int i = 0; i < columns; i++)
        draw_glyph(screen, row, column + i, i < full ? role : ROLE_DIM,
                   i < full ? GLYPH_BAR_FULL : GLYPH_BAR_EMPTY);
}
