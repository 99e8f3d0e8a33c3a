#include "agent/task/cluster_service.h"

#include "agent/task/program.h"
#include "backend/wire/error.h"

#include <unistd.h>

enum { OUTPUT_LINES = 20, WITHIN = 120 /* seconds for systemctl */ };

static void log_output(const Job *job, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", OUTPUT_LINES + 1);
    for (guint i = 0; lines[i] && i < OUTPUT_LINES; i++)
        if (*lines[i])
            job_log(job, "%s", lines[i]);
}

static gboolean run(const char *const *words, const Job *job, GError **error)
{
    g_autofree char *said = NULL;
    g_autofree char *line = g_strjoinv(" ", (char **)(gintptr)words);
    job_log(job, "%s", line);
    gboolean good = program_run(words, WITHIN, &said, error);
    log_output(job, said);
    return good;
}

/* The words of the configuration, or NULL. */
static GPtrArray *configured(const json_t *settings, const char *key)
{
    const json_t *list = json_object_get(settings, key);
    size_t index;
    const json_t *word;
    if (json_array_size(list) == 0)
        return NULL;
    GPtrArray *words = g_ptr_array_new();
    json_array_foreach(list, index, word)
    {
        if (json_is_string(word))
            g_ptr_array_add(words, (gpointer)json_string_value(word));
    }
    g_ptr_array_add(words, NULL);
    return words;
}

static gboolean has_systemd(const char *key, GError **error)
{
    if (access("/run/systemd/system", F_OK) == 0)
        return TRUE;
    wire_error_set(
        error, WIRE_ERROR_UNAVAILABLE,
        "systemd does not run on this machine: name the command in gantryd.yaml, key "
        "cluster.%s",
        key);
    return FALSE;
}

gboolean cluster_service_start(const json_t *settings, const Job *job, GError **error)
{
    static const char *const enable[] = {"systemctl", "enable", "corosync.service", NULL};
    static const char *const restart[] = {"systemctl", "restart", "corosync.service", NULL};
    g_autoptr(GPtrArray) words = configured(settings, "cluster_start");
    if (words)
        return run((const char *const *)words->pdata, job, error);
    return has_systemd("start", error) && run(enable, job, error) && run(restart, job, error);
}

gboolean cluster_service_stop(const json_t *settings, const Job *job, GError **error)
{
    static const char *const disable[] = {"systemctl", "disable", "--now", "corosync.service",
                                          NULL};
    g_autoptr(GPtrArray) words = configured(settings, "cluster_stop");
    if (words)
        return run((const char *const *)words->pdata, job, error);
    return has_systemd("stop", error) && run(disable, job, error);
}

gboolean cluster_service_device(const char *const *words, gboolean start, GError **error)
{
    static const char *const enable[] = {"systemctl", "enable", "--now",
                                         "corosync-qdevice.service", NULL};
    static const char *const disable[] = {"systemctl", "disable", "--now",
                                          "corosync-qdevice.service", NULL};
    if (words && *words)
        return run(words, NULL, error);
    return has_systemd(start ? "device_start" : "device_stop", error) &&
           run(start ? enable : disable, NULL, error);
}
