#include "agent/alarms.h"

#include "agent/inventory.h"
#include "backend/wire/message.h"

/* Percent at which an alarm is raised, and below which it is cleared. */
enum {
    MEMORY_RAISE = 95,
    MEMORY_CLEAR = 90,
    SPACE_RAISE = 90,
    SPACE_CLEAR = 88,
    SPACE_ERROR = 97,
    PRESSURE_RAISE = 60,
    PRESSURE_CLEAR = 30
};

typedef struct {
    char *text;
    gboolean told; /* its beginning and end are events of others */
} Alarm;

struct AlarmTable {
    Agent *agent;
    GHashTable *raised; /* key -> Alarm */
};

static void alarm_free(gpointer data)
{
    Alarm *alarm = data;
    g_free(alarm->text);
    g_free(alarm);
}

AlarmTable *alarms_new(Agent *agent)
{
    AlarmTable *alarms = g_new0(AlarmTable, 1);
    alarms->agent = agent;
    alarms->raised = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, alarm_free);
    return alarms;
}

void alarms_free(AlarmTable *alarms)
{
    if (!alarms)
        return;
    g_hash_table_destroy(alarms->raised);
    g_free(alarms);
}

/* Takes text. */
static void alarm_raise(AlarmTable *alarms, EventSeverity severity, const char *key,
                        const char *object, gboolean told, char *text)
{
    const Alarm *before = g_hash_table_lookup(alarms->raised, key);
    Alarm *alarm = g_new0(Alarm, 1);
    *alarm = (Alarm){.text = text, .told = told};
    if (before && g_str_equal(before->text, text)) {
        alarm_free(alarm);
        return;
    }
    json_t *fields = json_pack("{s:s,s:s,s:o,s:o}", "node", alarms->agent->node, "severity",
                               severity == EVENT_ERROR ? "error" : "warning", "object",
                               wire_string(object), "text", wire_string(text));
    if (!before)
        json_object_set_new(fields, "since", json_integer(g_get_real_time() / G_USEC_PER_SEC));
    if (!before && !told)
        event_log_add(alarms->agent->events, severity, object, NULL, "%s", text);
    inventory_update(alarms->agent->inventory, OBJECT_ALARM, key, fields);
    g_hash_table_replace(alarms->raised, g_strdup(key), alarm);
}

void alarms_raise(AlarmTable *alarms, EventSeverity severity, const char *key,
                  const char *object, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    alarm_raise(alarms, severity, key, object, FALSE, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

void alarms_raise_told(AlarmTable *alarms, EventSeverity severity, const char *key,
                       const char *object, gboolean told, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    alarm_raise(alarms, severity, key, object, told, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

void alarms_clear(AlarmTable *alarms, const char *key)
{
    const Alarm *alarm = g_hash_table_lookup(alarms->raised, key);
    if (!alarm)
        return;
    if (!alarm->told)
        event_log_add(alarms->agent->events, EVENT_INFO, NULL, NULL, "over: %s", alarm->text);
    inventory_remove(alarms->agent->inventory, OBJECT_ALARM, key);
    g_hash_table_remove(alarms->raised, key);
}

void alarms_check_node(AlarmTable *alarms, const NodeFigures *f)
{
    double memory = f->mem_total ? 100.0 * (double)f->mem_used / (double)f->mem_total : 0;
    if (memory >= MEMORY_RAISE)
        alarms_raise(alarms, EVENT_WARNING, "node/memory", alarms->agent->node,
                     "memory of %s is nearly full: stop or move a guest", alarms->agent->node);
    else if (memory < MEMORY_CLEAR)
        alarms_clear(alarms, "node/memory");
    if (f->psi_mem >= PRESSURE_RAISE)
        alarms_raise(alarms, EVENT_WARNING, "node/pressure", alarms->agent->node,
                     "%s waits for memory most of the time: stop or move a guest",
                     alarms->agent->node);
    else if (!(f->psi_mem >= PRESSURE_CLEAR))
        alarms_clear(alarms, "node/pressure");
}

void alarms_check_space(AlarmTable *alarms, const char *name, guint64 used, guint64 total)
{
    g_autofree char *key = g_strdup_printf("space/%s", name);
    double percent = total ? 100.0 * (double)used / (double)total : 0;
    if (percent >= SPACE_RAISE)
        alarms_raise(alarms, percent >= SPACE_ERROR ? EVENT_ERROR : EVENT_WARNING, key, name,
                     "%s on %s is %.0f%% full: free space or make it larger", name,
                     alarms->agent->node, percent);
    else if (percent < SPACE_CLEAR)
        alarms_clear(alarms, key);
}
