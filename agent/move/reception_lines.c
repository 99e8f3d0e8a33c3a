#include "agent/move/place.h"
#include "agent/move/reception_private.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 << 10, SLICE_MS = 200, COME_SECONDS = 90, CONNECT_SECONDS = 30 };

gboolean reception_listen(Reception *reception, GError **error)
{
    g_autofree char *path = move_place_path(reception->offer->id, MOVE_DOOR);
    if (!move_place_make(reception->offer->id, reception->uid, reception->gid, error))
        return FALSE;
    reception->listening = peer_socket_listen(path, 0, 0, error);
    return reception->listening >= 0;
}

/* Until there is something, or the job is cancelled, or the time is over (0: never). */
static gboolean await(const Reception *reception, int descriptor, int seconds, const char *what,
                      GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
    for (;;) {
        struct pollfd one = {descriptor, POLLIN, 0};
        if (!job_continue(reception->job, error))
            return FALSE;
        if (poll(&one, 1, SLICE_MS) > 0)
            return TRUE;
        if (seconds && g_get_monotonic_time() > deadline) {
            wire_error_set(error, WIRE_ERROR_TIMEOUT, "%s", what);
            return FALSE;
        }
    }
}

static int accept_one(const Reception *reception, int listening, int seconds, GError **error)
{
    g_autofree char *what =
        g_strdup_printf("%s did not come within %d s", reception->offer->from, seconds);
    int made = await(reception, listening, seconds, what, error)
                   ? accept4(listening, NULL, NULL, SOCK_CLOEXEC)
                   : -1;
    if (made < 0 && error && !*error)
        wire_error_set(error, WIRE_ERROR_FAILED, "accepting a connection: %s",
                       g_strerror(errno));
    return made;
}

int reception_accept(Reception *reception, const char *name, GError **error)
{
    g_autofree char *path = move_place_path(reception->offer->id, name);
    (void)unlink(path);
    int listening = peer_socket_listen(path, 0, 0, error);
    if (listening < 0)
        return -1;
    g_autoptr(json_t) ready = json_pack("{s:s}", "socket", name);
    int made = reception_answer(reception, json_incref(ready), NULL, error)
                   ? accept_one(reception, listening, CONNECT_SECONDS, error)
                   : -1;
    (void)close(listening);
    (void)unlink(path);
    return made;
}

static json_t *take_line(Reception *reception, GError **error)
{
    const char *end = memchr(reception->input->str, '\n', reception->input->len);
    size_t length = (size_t)(end - reception->input->str);
    json_t *line = json_loadb(reception->input->str, length, JSON_REJECT_DUPLICATES, NULL);
    g_string_erase(reception->input, 0, (gssize)length + 1);
    if (json_is_object(line))
        return line;
    json_decref(line);
    wire_error_set(error, WIRE_ERROR_PARSE, "%s sent a line that is no JSON",
                   reception->offer->from);
    return NULL;
}

json_t *reception_receive(Reception *reception, GError **error)
{
    char piece[4096];
    if (reception->control < 0) {
        reception->control = accept_one(reception, reception->listening, COME_SECONDS, error);
        if (reception->control < 0)
            return NULL;
    }
    while (!memchr(reception->input->str, '\n', reception->input->len)) {
        if (!await(reception, reception->control, 0, NULL, error))
            return NULL;
        ssize_t got = read(reception->control, piece, sizeof piece);
        if (got <= 0 || reception->input->len > LINE_MAX_BYTES) {
            wire_error_set(error, WIRE_ERROR_UNREACHABLE, "the connection to %s ended",
                           reception->offer->from);
            return NULL;
        }
        g_string_append_len(reception->input, piece, got);
    }
    return take_line(reception, error);
}

gboolean reception_answer(Reception *reception, json_t *done, const GError *failure,
                          GError **error)
{
    g_autoptr(json_t) answer = failure
                                   ? json_pack("{s:{s:s,s:o}}", "error", "code",
                                               wire_error_name(wire_error_code(failure)),
                                               "message", wire_string(failure->message))
                                   : json_pack("{s:o}", "done", done ? done : json_object());
    char *dumped = json_dumps(answer, WIRE_DUMP);
    g_autofree char *line = g_strconcat(dumped, "\n", NULL);
    free(dumped);
    if (failure)
        json_decref(done);
    if (send(reception->control, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_UNREACHABLE, "the connection to %s ended",
                   reception->offer->from);
    return FALSE;
}
