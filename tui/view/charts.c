#include "tui/view/charts.h"

#include "tui/model/units.h"

#include <math.h>

enum { LABEL = 6, VALUE = 26, HEIGHT_MAX = 6, SIDE_BY_SIDE = 100, FACTS_MAX = 90 };

static void draw_chart(Past *past, Screen *screen, Box box, const Chart *chart)
{
    const Console *console = past_console(past);
    int column = box.column + LABEL + VALUE + 1;
    int columns = MIN(box.column + box.columns - column, PAST_POINTS);
    guint wanted = chart_width(chart_style_shown(screen, console->charts), columns);
    g_autofree float *values = g_new(float, PAST_POINTS);
    g_autofree float *others = g_new(float, PAST_POINTS);
    guint count = past_sample(past, chart->first, MIN(wanted, PAST_POINTS), values);
    if (chart->second != chart->first) {
        (void)past_sample(past, chart->second, MIN(wanted, PAST_POINTS), others);
        for (guint i = 0; i < count; i++)
            values[i] += others[i];
    }
    draw_text(screen, box.row, box.column, LABEL, ROLE_DIM, chart->label);
    draw_text(screen, box.row, box.column + LABEL, VALUE, ROLE_TEXT, chart->value);
    chart_draw(screen, (Box){box.row, column, box.rows, columns}, ROLE_CHART, console->charts,
               values, count, chart->top);
}

int charts_draw(Past *past, Screen *screen, Box box, const Chart *charts, guint count)
{
    int each = CLAMP(box.rows / (int)MAX(count, 1), 1, HEIGHT_MAX), row = box.row;
    for (guint i = 0; i < count && row < box.row + box.rows; i++, row += each)
        draw_chart(past, screen,
                   (Box){row, box.column, each > 2 ? each - 1 : each, box.columns}, &charts[i]);
    return row - box.row;
}

void charts_draw_summary(Past *past, Screen *screen, Box box, const Chart *charts, guint count,
                         Pager *facts)
{
    if (box.columns >= SIDE_BY_SIDE) {
        int right = CLAMP(box.columns * 2 / 5, 44, FACTS_MAX);
        int left = box.columns - right - 4;
        (void)charts_draw(past, screen, (Box){box.row, 1, box.rows, left}, charts, count);
        pager_draw(facts, screen, (Box){box.row, left + 3, box.rows, right});
        return;
    }
    int rows = MIN(MAX(box.rows / 2, (int)count), (int)count * 3);
    int used =
        charts_draw(past, screen, (Box){box.row, 1, rows, box.columns - 2}, charts, count);
    int rest = box.rows - used - 1;
    if (rest > 0)
        pager_draw(facts, screen, (Box){box.row + used + 1, 0, rest, box.columns - 1});
}

void chart_say_bytes(Chart *chart, double used, double total)
{
    char a[16], b[16];
    units_bytes(used, a, sizeof a);
    units_bytes(total, b, sizeof b);
    if (isnan(total) || total <= 0)
        g_strlcpy(chart->value, a, sizeof chart->value);
    else
        g_snprintf(chart->value, sizeof chart->value, "%s of %s", a, b);
}

void chart_say_rates(Chart *chart, const char *first, double a, const char *second, double b)
{
    char x[16], y[16];
    units_rate(a, x, sizeof x);
    units_rate(b, y, sizeof y);
    g_snprintf(chart->value, sizeof chart->value, "%s %s %s %s%s", first, x, second, y,
               isnan(b) ? "" : "/s");
}
