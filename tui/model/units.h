/* model/units - figures as people read them: at most three significant digits,
 * binary units, "-" for what is not known. Pure.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

void units_bytes(double bytes, char *buffer, size_t size);      /* "11.8 GiB", "1 MiB" */
void units_rate(double bytes, char *buffer, size_t size);       /* the same, "0" when nothing */
void units_percent(double percent, char *buffer, size_t size);  /* "44", "0.4" */
void units_number(double number, char *buffer, size_t size);    /* "2.10" */
void units_duration(double seconds, char *buffer, size_t size); /* "43s", "12m", "5h", "41d" */
void units_clock(double when, gboolean seconds, char *buffer, size_t size); /* "14:02" local */
/* "14:02:11" today, "22 Nov 14:02" before. */
void units_when(double when, double now, char *buffer, size_t size);
