#include "backend/node/facts.h"

#include "backend/node/run.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#define CHRONY_SOCKET "/run/chrony/chronyd.sock"

enum { CHRONY_FIELDS = 14, CHRONY_OFFSET = 4, CHRONY_LEAP = 13, ANSWER_MAX = 4096 };

/* reference,name,stratum,time,offset,...,leap: offset is above 0 when the clock is slow
 * (print_report() in chrony's client.c). */
gboolean node_clock_parse_chrony(const char *text, NodeClock *clock)
{
    g_autofree char *line = g_strndup(text, strcspn(text, "\n"));
    g_auto(GStrv) fields = g_strsplit(line, ",", CHRONY_FIELDS + 1);
    if (g_strv_length(fields) < CHRONY_FIELDS)
        return FALSE;
    char *end;
    double slow = g_ascii_strtod(fields[CHRONY_OFFSET], &end);
    if (end == fields[CHRONY_OFFSET] || *end || !isfinite(slow))
        return FALSE;
    gboolean synchronised = strcmp(fields[CHRONY_LEAP], "Not synchronised") != 0;
    *clock = (NodeClock){
        .synchronised = synchronised,
        .offset = synchronised ? -slow : NAN,
        .source = "chrony",
    };
    return TRUE;
}

gboolean node_clock_read(int deadline, NodeClock *clock, GError **error)
{
    static const char *const command[] = {"chronyc", "-c", "-n", "tracking", NULL};
    if (access(CHRONY_SOCKET, F_OK) == 0) {
        GString *answer = node_run(command, deadline, ANSWER_MAX, NULL);
        gboolean known = answer && node_clock_parse_chrony(answer->str, clock);
        if (answer)
            (void)g_string_free(answer, TRUE);
        if (known)
            return TRUE;
    }
    struct timex state = {0};
    if (adjtimex(&state) < 0) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "can't read the state of the clock: %s",
                       g_strerror(errno));
        return FALSE;
    }
    gboolean synchronised = !(state.status & STA_UNSYNC);
    double unit = state.status & STA_NANO ? 1e9 : 1e6;
    *clock = (NodeClock){
        .synchronised = synchronised,
        .offset = synchronised ? -(double)state.offset / unit : NAN,
        .source = "kernel",
    };
    return TRUE;
}
