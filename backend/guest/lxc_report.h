/* guest/lxc_report - what the observer found out, handed to the agent's context.
 *
 * Each function may be called from the observer's thread; the events run in the
 * context given, in the same order. After lxc_report_stop(), called in that
 * context's thread, no event comes.
 */
#pragma once

#include "backend/guest/driver.h"

typedef struct LxcReport LxcReport;

LxcReport *lxc_report_new(GMainContext *context, const GuestEvents *events, gpointer user);
void lxc_report_stop(LxcReport *report); /* and drops the caller's reference */

void lxc_report_changed(LxcReport *report, const GuestSummary *summary);
void lxc_report_gone(LxcReport *report, const char *native);
void lxc_report_looked(LxcReport *report, const char *native);
/* The names in figures are copied. */
void lxc_report_figures(LxcReport *report, const GuestFigures *figures, size_t count);
void lxc_report_health(LxcReport *report, GuestDriverHealth health, gint64 since,
                       const char *reason);
