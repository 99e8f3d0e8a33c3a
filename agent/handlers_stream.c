/* stream.*: what an open console or program is told and asked. */
#include "agent/agent.h"
#include "agent/handlers.h"
#include "agent/stream.h"

static void serve_resize(Request *request)
{
    GError *error = NULL;
    (void)stream_resize(request->agent->streams, wire_get_string(request->params, "stream", ""),
                        request->uid, (int)wire_get_integer(request->params, "rows", 24),
                        (int)wire_get_integer(request->params, "columns", 80), &error);
    request_finish(request, error ? NULL : json_object(), error);
}

static void serve_wait(Request *request)
{
    stream_wait(request->agent->streams, wire_get_string(request->params, "stream", ""),
                request);
}

const HandlerRow handlers_stream[] = {
    {"stream.resize", serve_resize},
    {"stream.wait", serve_wait},
    {NULL, NULL},
};
