#include "agent/local/task_info.h"

#include <string.h>

#define STAMP_LENGTH 22 /* 20261123T101500.123456 */
#define ID_MAX       128

static const char *const state_names[TASK_STATE_COUNT] = {
    [TASK_QUEUED] = "queued", [TASK_RUNNING] = "running",     [TASK_DONE] = "done",
    [TASK_FAILED] = "failed", [TASK_CANCELLED] = "cancelled",
};

TaskInfo *task_info_new(void)
{
    TaskInfo *info = g_new0(TaskInfo, 1);
    info->id = g_strdup("");
    info->method = g_strdup("");
    info->object = g_strdup("");
    info->name = g_strdup("");
    info->native = g_strdup("");
    info->owner = g_strdup("");
    info->boot = g_strdup("");
    info->params = json_object();
    info->progress = -1;
    return info;
}

TaskInfo *task_info_copy(const TaskInfo *info)
{
    TaskInfo *copy = g_memdup2(info, sizeof *info);
    char **const strings[] = {&copy->id,     &copy->method, &copy->object, &copy->name,
                              &copy->native, &copy->owner,  &copy->boot,   &copy->error,
                              &copy->field,  &copy->doing};
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
        *strings[i] = g_strdup(*strings[i]);
    copy->params = json_deep_copy(info->params);
    copy->result = json_deep_copy(info->result);
    return copy;
}

void task_info_free(TaskInfo *info)
{
    if (!info)
        return;
    g_free(info->id);
    g_free(info->method);
    g_free(info->object);
    g_free(info->name);
    g_free(info->native);
    g_free(info->owner);
    g_free(info->boot);
    g_free(info->error);
    g_free(info->field);
    g_free(info->doing);
    json_decref(info->params);
    json_decref(info->result);
    g_free(info);
}

gboolean task_info_ended(const TaskInfo *info)
{
    return info->state != TASK_QUEUED && info->state != TASK_RUNNING;
}

static json_t *time_json(double time)
{
    return time > 0 ? json_real(time) : json_null();
}

json_t *task_info_json(const TaskInfo *info, gboolean full)
{
    json_t *object = json_object();
    json_object_set_new(object, "id", wire_string(info->id));
    json_object_set_new(object, "method", wire_string(info->method));
    json_object_set_new(object, "object", wire_string(info->object));
    json_object_set_new(object, "name", wire_string(info->name));
    json_object_set_new(object, "owner", wire_string(info->owner));
    json_object_set_new(object, "state", json_string(task_state_name(info->state)));
    json_object_set_new(object, "progress",
                        info->progress < 0 ? json_null() : json_real(info->progress));
    json_object_set_new(object, "doing", wire_string(info->doing));
    json_object_set_new(object, "created", time_json(info->created));
    json_object_set_new(object, "started", time_json(info->started));
    json_object_set_new(object, "ended", time_json(info->ended));
    json_object_set_new(object, "error", wire_string(info->error));
    json_object_set_new(object, "log_size", json_integer((json_int_t)info->log_size));
    if (full) {
        json_object_set(object, "params", info->params);
        json_object_set_new(object, "result",
                            info->result ? json_incref(info->result) : json_null());
    }
    return object;
}

const char *task_state_name(TaskState state)
{
    return (unsigned)state < TASK_STATE_COUNT ? state_names[state] : "?";
}

gboolean task_state_from_name(const char *name, TaskState *out)
{
    for (int i = 0; name && i < TASK_STATE_COUNT; i++) {
        if (g_str_equal(state_names[i], name)) {
            *out = (TaskState)i;
            return TRUE;
        }
    }
    return FALSE;
}

static GDateTime *parse_stamp(const char *id)
{
    static const char shape[] = "00000000T000000.000000-";
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == '0' ? !g_ascii_isdigit(id[i]) : id[i] != shape[i])
            return NULL;
    int year, month, day, hour, minute;
    double second;
    g_autofree char *text =
        g_strdup_printf("%.4s %.2s %.2s %.2s %.2s", id, id + 4, id + 6, id + 9, id + 11);
    g_auto(GStrv) parts = g_strsplit(text, " ", 5);
    year = (int)g_ascii_strtoll(parts[0], NULL, 10);
    month = (int)g_ascii_strtoll(parts[1], NULL, 10);
    day = (int)g_ascii_strtoll(parts[2], NULL, 10);
    hour = (int)g_ascii_strtoll(parts[3], NULL, 10);
    minute = (int)g_ascii_strtoll(parts[4], NULL, 10);
    second = (double)g_ascii_strtoll(id + 13, NULL, 10);
    return g_date_time_new_utc(year, month, day, hour, minute, second);
}

gboolean task_id_check(const char *id)
{
    if (!id || strlen(id) > ID_MAX)
        return FALSE;
    g_autoptr(GDateTime) time = parse_stamp(id);
    if (!time)
        return FALSE;
    const char *node = id + STAMP_LENGTH + 1;
    for (const char *p = node; *p; p++)
        if (!g_ascii_isalnum(*p) && *p != '-' && *p != '.')
            return FALSE;
    return *node != '\0';
}

gint64 task_id_time(const char *id)
{
    g_autoptr(GDateTime) time = parse_stamp(id);
    return time
               ? g_date_time_to_unix(time) * G_USEC_PER_SEC + g_ascii_strtoll(id + 16, NULL, 10)
               : 0;
}

char *task_id_make(gint64 microseconds, const char *node)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(microseconds / G_USEC_PER_SEC);
    g_autofree char *stamp = g_date_time_format(time, "%Y%m%dT%H%M%S");
    g_autofree char *safe = g_strndup(node && *node ? node : "node", 64);
    for (char *p = safe; *p; p++)
        if (!g_ascii_isalnum(*p) && *p != '.')
            *p = '-';
    return g_strdup_printf("%s.%06d-%s", stamp, (int)(microseconds % G_USEC_PER_SEC), safe);
}
