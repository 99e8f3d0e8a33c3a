/* The process behind one stream: reads its request from standard input, joins
 * descriptor 3 to the guest, takes "resize" lines from descriptor 4, and writes
 * how it ended to standard output. */
#include "agent/drivers.h"
#include "agent/stream.h"
#include "backend/wire/error.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { CHILD_DATA = 3, CHILD_CONTROL = 4 };

static char **string_list(const json_t *list)
{
    size_t count = json_array_size(list);
    char **strings = g_new0(char *, count + 1);
    for (size_t i = 0; i < count; i++)
        strings[i] = g_strdup(json_string_value(json_array_get(list, i)));
    return strings;
}

static gboolean run(const json_t *request, int *exit_status, GError **error)
{
    const GuestDriver *driver = guest_driver_find(wire_get_string(request, "driver", ""));
    if (!driver) {
        wire_error_set(error, WIRE_ERROR_INTERNAL, "a stream for an unknown driver");
        return FALSE;
    }
    g_auto(GStrv) paths = string_list(json_object_get(request, "lxc_paths"));
    g_auto(GStrv) command = string_list(json_object_get(request, "command"));
    const GuestSettings settings = {
        .libvirt_uri = wire_get_string(request, "libvirt_uri", ""),
        .lxc_paths = (const char *const *)paths,
    };
    const GuestStreamRequest ask = {
        .kind = (GuestStreamKind)wire_get_integer(request, "kind", 0),
        .take = wire_get_boolean(request, "take", FALSE),
        .rows = (int)wire_get_integer(request, "rows", 0),
        .columns = (int)wire_get_integer(request, "columns", 0),
        .command = (const char *const *)command,
        .timeout = (int)wire_get_integer(request, "timeout", 60),
        .data = CHILD_DATA,
        .control = CHILD_CONTROL,
    };
    return driver->stream(&settings, wire_get_string(request, "native", ""), &ask, exit_status,
                          error);
}

int stream_main(int argc, char **argv)
{
    g_autoptr(json_t) request = json_loadf(stdin, 0, NULL);
    g_autoptr(GError) error = NULL;
    int exit_status = -1;
    signal(SIGPIPE, SIG_IGN);
    json_t *outcome;
    if (run(request, &exit_status, &error))
        outcome = exit_status < 0 ? json_pack("{s:n}", "exit")
                                  : json_pack("{s:i}", "exit", exit_status);
    else
        outcome = json_pack("{s:n,s:o,s:s}", "exit", "error", wire_string(error->message),
                            "code", wire_error_name(wire_error_code(error)));
    json_dumpf(outcome, stdout, WIRE_DUMP);
    json_decref(outcome);
    return fflush(stdout) == 0 ? 0 : 1;
}
