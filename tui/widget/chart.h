/* widget/chart - figures over time, in braille, eighths of blocks or ASCII.
 *
 * The newest value is at the right edge. What is not known (NAN) leaves a gap.
 */
#pragma once

#include "tui/screen/draw.h"

typedef enum { CHART_BRAILLE, CHART_BLOCKS, CHART_ASCII, CHART_STYLES } ChartStyle;

const char *chart_style_name(ChartStyle style);
bool chart_style_from_name(const char *name, ChartStyle *out);

/* The style that comes nearest and that the terminal can show; drawing uses it. */
ChartStyle chart_style_shown(const Screen *screen, ChartStyle style);

/* top: the value of a full column; 0: the greatest of those shown. */
void chart_draw(Screen *screen, Box box, Role role, ChartStyle style, const float *values,
                guint count, float top);
/* Values that one draw of these columns can show. */
guint chart_width(ChartStyle style, int columns);

/* A bar of percent, one row: full and empty blocks. NAN draws only the empty. */
void gauge_draw(Screen *screen, int row, int column, int columns, double percent);
