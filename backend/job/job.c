#include "backend/job/job.h"

#include "backend/wire/error.h"

void job_progress(const Job *job, double percent, const char *doing)
{
    if (job && job->events->progress)
        job->events->progress(percent, doing, job->user);
}

void job_log(const Job *job, const char *format, ...)
{
    if (!job || !job->events->log)
        return;
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    job->events->log(line, job->user);
}

gboolean job_note(const Job *job, const json_t *note, GError **error)
{
    return job && job->events->note ? job->events->note(note, job->user, error) : TRUE;
}

gboolean job_continue(const Job *job, GError **error)
{
    if (!job || !job->events->cancelled || !job->events->cancelled(job->user))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_CANCELLED, "cancelled");
    return FALSE;
}
