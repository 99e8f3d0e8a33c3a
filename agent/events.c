#include "agent/events.h"

#include "agent/inventory.h"
#include "agent/local/local.h"
#include "backend/wire/message.h"

#include <stdio.h>

struct EventLog {
    Agent *agent;
    GQueue shown; /* ids in the inventory, oldest first */
    gint64 last;  /* microseconds of the newest id: ids never go back */
};

EventLog *event_log_new(Agent *agent)
{
    EventLog *log = g_new0(EventLog, 1);
    log->agent = agent;
    return log;
}

void event_log_free(EventLog *log)
{
    if (!log)
        return;
    g_queue_clear_full(&log->shown, g_free);
    g_free(log);
}

static void show(EventLog *log, char *id, json_t *fields)
{
    inventory_update(log->agent->inventory, OBJECT_EVENT, id, fields);
    g_queue_push_tail(&log->shown, id);
    if (g_queue_get_length(&log->shown) > EVENTS_SHOWN) {
        g_autofree char *oldest = g_queue_pop_head(&log->shown);
        inventory_remove(log->agent->inventory, OBJECT_EVENT, oldest);
    }
}

static void on_loaded(json_t *rows, const GError *error, gpointer user)
{
    EventLog *log = user;
    size_t index;
    json_t *row;
    /* Newest first; the identifiers of the record sort before those given here. */
    json_array_foreach(rows, index, row)
    {
        if (g_queue_get_length(&log->shown) >= EVENTS_SHOWN)
            return;
        char *id = g_strdup(wire_get_string(row, "id", ""));
        json_t *fields = json_copy(row);
        json_object_del(fields, "id");
        json_object_set_new(fields, "node", wire_string(log->agent->node));
        inventory_update(log->agent->inventory, OBJECT_EVENT, id, fields);
        g_queue_push_head(&log->shown, id);
    }
}

void event_log_load(EventLog *log)
{
    local_event_list(log->agent->local, NULL, EVENTS_SHOWN, on_loaded, log);
}

void event_log_add(EventLog *log, EventSeverity severity, const char *object, const char *who,
                   const char *format, ...)
{
    static const char *const severities[] = {"info", "warning", "error"};
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    gint64 now = g_get_real_time();
    log->last = MAX(log->last + 1, now);
    if (severity == EVENT_INFO)
        g_info("%s%s%s", object ? object : "", object ? ": " : "", text);
    else
        g_warning("%s%s%s", object ? object : "", object ? ": " : "", text);
    local_event_add(log->agent->local, &(LocalEvent){severities[severity], object, text, who},
                    NULL, NULL);
    show(log, g_strdup_printf("%016" G_GINT64_MODIFIER "x-%s", log->last, log->agent->node),
         json_pack("{s:s,s:f,s:s,s:o,s:o,s:o}", "node", log->agent->node, "time",
                   (double)now / G_USEC_PER_SEC, "severity", severities[severity], "object",
                   wire_string(object), "text", wire_string(text), "who", wire_string(who)));
}
