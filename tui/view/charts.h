/* view/charts - figures of a guest or a node over time, one below the other, and
 * the title and the page of facts that go with them. */
#pragma once

#include "tui/view/page.h"
#include "tui/view/past.h"

typedef struct {
    const char *label;
    PastSeries first, second; /* the same twice: only that one, else their sum */
    float top;                /* value of a full column; 0: the greatest */
    char value[40];           /* how it is now, in words */
} Chart;

/* Fills the box as evenly as it can, at least a row a chart; from which on what does
 * not fit is left out. Returns the rows used. */
int charts_draw(Past *past, Screen *screen, Box box, const Chart *charts, guint count);

/* Charts and facts: side by side where there is room for both, else the charts first.
 * The facts scroll. */
void charts_draw_summary(Past *past, Screen *screen, Box box, const Chart *charts, guint count,
                         Pager *facts);

/* "used of total" and such, into chart->value. */
void chart_say_bytes(Chart *chart, double used, double total);
void chart_say_rates(Chart *chart, const char *first, double a, const char *second, double b);
