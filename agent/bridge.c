#include "agent/bridge.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "backend/wire/pump.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 };

static int connect_agent(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        wire_error_set(error, WIRE_ERROR_CONFIG, "the socket's path is too long: %s", path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 &&
        connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0)
        return descriptor;
    int reason = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (reason == EACCES)
        wire_error_set(error, WIRE_ERROR_NOT_ALLOWED,
                       "you may not open %s: ask an administrator to add you to its group",
                       path);
    else
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "gantryd is not running here (%s: %s): systemctl start gantryd", path,
                       g_strerror(reason));
    return -1;
}

static gboolean write_line(int descriptor, char *line, GError **error)
{
    g_autofree char *text = g_strconcat(line, "\n", NULL);
    free(line);
    size_t length = strlen(text);
    for (size_t done = 0; done < length;) {
        ssize_t put = write(descriptor, text + done, length - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            wire_error_set(error, WIRE_ERROR_FAILED, "writing to the agent: %s",
                           g_strerror(errno));
            return FALSE;
        }
        done += (size_t)put;
    }
    return TRUE;
}

/* Byte by byte, so that nothing of the stream behind the line is swallowed. */
static gboolean read_line(int descriptor, GString *line, GError **error)
{
    char byte;
    while (line->len < ANSWER_MAX) {
        ssize_t got = read(descriptor, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        if (byte == '\n')
            return TRUE;
        g_string_append_c(line, byte);
    }
    wire_error_set(error, WIRE_ERROR_FAILED, "the agent hung up without an answer");
    return FALSE;
}

static gboolean claim_stream(int descriptor, const char *stream, GError **error)
{
    json_t *params =
        json_pack("{s:i,s:i,s:s,s:s}", "major", WIRE_PROTOCOL_MAJOR, "minor",
                  WIRE_PROTOCOL_MINOR, "client", "gantryd bridge", "stream", stream);
    if (!params) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "the stream's name is not UTF-8");
        return FALSE;
    }
    if (!write_line(descriptor, wire_message_request(1, "hello", params), error))
        return FALSE;
    g_autoptr(GString) line = g_string_new(NULL);
    if (!read_line(descriptor, line, error))
        return FALSE;
    g_autoptr(WireMessage) answer = wire_message_parse(line->str, line->len, error);
    if (answer && answer->kind == WIRE_FAILURE) {
        g_propagate_error(error, g_steal_pointer(&answer->error));
        return FALSE;
    }
    return answer != NULL;
}

int bridge_main(const char *socket_path, const char *stream)
{
    g_autoptr(GError) error = NULL;
    signal(SIGPIPE, SIG_IGN);
    int agent = connect_agent(socket_path, &error);
    if (agent < 0) {
        fprintf(stderr, "gantryd bridge: %s\n", error->message);
        WireErrorCode code = wire_error_code(error);
        return code == WIRE_ERROR_UNAVAILABLE ? BRIDGE_NO_AGENT : wire_error_exit_status(code);
    }
    if ((stream && !claim_stream(agent, stream, &error)) ||
        !pump_run((PumpEnd){STDIN_FILENO, STDOUT_FILENO}, (PumpEnd){agent, agent}, &error)) {
        fprintf(stderr, "gantryd bridge: %s\n", error->message);
        return 1;
    }
    return 0;
}
