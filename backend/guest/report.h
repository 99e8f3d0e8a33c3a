/* guest/report - what a driver's observer found out, handed to the agent's context.
 *
 * Each function may be called from any of the observer's threads, also from one that was
 * left behind and holds a reference; the events run in the context given, in the order of the
 * calls, and never from inside one. After guest_report_stop(), called in that context's
 * thread, no event comes.
 */
#pragma once

#include "backend/guest/driver.h"

typedef struct GuestReport GuestReport;

/* context may be NULL: the default one. */
GuestReport *guest_report_new(GMainContext *context, const GuestEvents *events, gpointer user);
void guest_report_stop(GuestReport *report);
void guest_report_unref(GuestReport *report);

void guest_report_changed(GuestReport *report, const GuestSummary *summary);
void guest_report_gone(GuestReport *report, const char *native);
void guest_report_looked(GuestReport *report, const char *native);
/* The figures, and what they point to, are there until release(owned) is called. */
void guest_report_figures(GuestReport *report, const GuestFigures *figures, size_t count,
                          gpointer owned, GDestroyNotify release);
/* versions: as in GuestEvents; copied. */
void guest_report_health(GuestReport *report, GuestDriverHealth health, gint64 since,
                         const char *reason, const json_t *versions);
