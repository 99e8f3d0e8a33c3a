#include "tui/model/units.h"

#include <math.h>
#include <string.h>
#include <time.h>

static void dash(char *buffer, size_t size)
{
    g_strlcpy(buffer, "-", size);
}

/* Three significant digits, no trailing zeros of decimals beyond need. */
static void three_digits(double value, const char *unit, char *buffer, size_t size)
{
    int decimals = value >= 99.95 || fabs(value - round(value)) < 0.05 ? 0 : 1;
    g_snprintf(buffer, size, "%.*f%s%s", decimals, value, *unit ? " " : "", unit);
}

void units_bytes(double bytes, char *buffer, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (isnan(bytes) || bytes < 0) {
        dash(buffer, size);
        return;
    }
    size_t i = 0;
    while (bytes >= 999.5 && i + 1 < G_N_ELEMENTS(units)) {
        bytes /= 1024;
        i++;
    }
    /* Of memory sizes a tenth is wanted (11.8 GiB), of bytes none. */
    if (i == 0)
        bytes = floor(bytes);
    three_digits(bytes, units[i], buffer, size);
}

void units_rate(double bytes, char *buffer, size_t size)
{
    if (isnan(bytes) || bytes < 0) {
        dash(buffer, size);
        return;
    }
    /* Below a tenth of a KiB a second it is noise. */
    if (bytes < 1) {
        g_strlcpy(buffer, "0", size);
        return;
    }
    double kib = bytes / 1024;
    if (kib < 999.5)
        three_digits(kib < 10 ? ceil(kib * 10) / 10 : round(kib), "KiB", buffer, size);
    else
        units_bytes(bytes >= 10 * 1048576.0 && bytes < 999.5 * 1048576.0
                        ? round(bytes / 1048576) * 1048576
                        : bytes,
                    buffer, size);
}

void units_percent(double percent, char *buffer, size_t size)
{
    if (isnan(percent) || percent < 0)
        dash(buffer, size);
    else if (percent < 0.95 && percent >= 0.05)
        g_snprintf(buffer, size, "%.1f", percent);
    else
        g_snprintf(buffer, size, "%.0f", percent);
}

void units_number(double number, char *buffer, size_t size)
{
    if (isnan(number))
        dash(buffer, size);
    else
        g_snprintf(buffer, size, "%.*f",
                   fabs(number) < 10    ? 2
                   : fabs(number) < 100 ? 1
                                        : 0,
                   number);
}

void units_duration(double seconds, char *buffer, size_t size)
{
    if (isnan(seconds) || seconds < 0)
        dash(buffer, size);
    else if (seconds < 9.95 && seconds != floor(seconds))
        g_snprintf(buffer, size, "%.1fs", seconds);
    else if (seconds < 120)
        g_snprintf(buffer, size, "%.0fs", seconds);
    else if (seconds < 120 * 60)
        g_snprintf(buffer, size, "%.0fm", floor(seconds / 60));
    else if (seconds < 48 * 3600)
        g_snprintf(buffer, size, "%.0fh", floor(seconds / 3600));
    else
        g_snprintf(buffer, size, "%.0fd", floor(MIN(seconds, 1e15) / 86400));
}

static gboolean local_time(double when, struct tm *out)
{
    time_t seconds = (time_t)when;
    return !isnan(when) && when > 0 && when < 253402300800.0 && localtime_r(&seconds, out);
}

void units_clock(double when, gboolean seconds, char *buffer, size_t size)
{
    struct tm tm;
    if (!local_time(when, &tm) || !strftime(buffer, size, seconds ? "%H:%M:%S" : "%H:%M", &tm))
        dash(buffer, size);
}

void units_when(double when, double now, char *buffer, size_t size)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm, today;
    if (!local_time(when, &tm) || !local_time(now, &today))
        dash(buffer, size);
    else if (tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday)
        g_snprintf(buffer, size, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
    else
        g_snprintf(buffer, size, "%2d %s %02d:%02d", tm.tm_mday, months[tm.tm_mon], tm.tm_hour,
                   tm.tm_min);
}
