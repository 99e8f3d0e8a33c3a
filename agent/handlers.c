#include "agent/handlers.h"

static const HandlerRow *const tables[] = {
    handlers_session,        handlers_guest,          handlers_node, handlers_task,
    handlers_stream,         handlers_record,         handlers_role, handlers_cluster,
    handlers_cluster_device, handlers_cluster_change, handlers_move, handlers_settings};

RequestHandler handlers_find(const char *method)
{
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        for (const HandlerRow *row = tables[i]; row->method; row++)
            if (g_str_equal(row->method, method))
                return row->handle;
    return NULL;
}
