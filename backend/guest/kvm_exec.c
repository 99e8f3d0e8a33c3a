/* A program in a VM, through the QEMU guest agent:
 * https://qemu-project.gitlab.io/qemu/interop/qemu-ga-ref.html (guest-exec).
 *
 * The agent keeps the output (up to 16 MiB) until the program has ended, so it
 * comes in one piece, first what went to stdout, then stderr. There is no input.
 */
#include "backend/guest/kvm_stream.h"
#include "backend/guest/kvm_xml.h"

#include "backend/wire/message.h"

#include <libvirt/libvirt-qemu.h>
#include <poll.h>
#include <string.h>

enum {
    AGENT_TIMEOUT = 10,   /* seconds for one answer */
    TIMEOUT_DEFAULT = 60, /* seconds for the program */
    LOOK_FIRST = 20,      /* milliseconds between looks at it, growing */
    LOOK_MAX = 500,
};

/* One command of the agent; what it returned, a new reference. */
static json_t *ask_agent(KvmDomain *domain, const char *command, json_t *arguments,
                         GError **error)
{
    g_autoptr(json_t) question =
        json_pack("{s:s, s:o}", "execute", command, "arguments", arguments);
    char *text = json_dumps(question, JSON_COMPACT);
    char *answer = virDomainQemuAgentCommand(domain, text, AGENT_TIMEOUT, 0);
    free(text);
    if (!answer) {
        kvm_domain_error_set(error, domain, "the guest agent of ", "can't do that");
        return NULL;
    }
    g_autoptr(json_t) parsed = json_loads(answer, 0, NULL);
    free(answer);
    json_t *result = json_object_get(parsed, "return");
    if (!json_is_object(result)) {
        wire_error_set(error, WIRE_ERROR_FAILED,
                       "the guest agent of vm %s gave an answer that makes no sense",
                       virDomainGetName(domain));
        return NULL;
    }
    return json_incref(result);
}

static gboolean start(KvmDomain *domain, const char *const *command, gint64 *pid,
                      GError **error)
{
    json_t *arguments = json_array();
    for (int i = 1; command[i]; i++)
        json_array_append_new(arguments, wire_string(command[i]));
    g_autoptr(json_t) result =
        ask_agent(domain, "guest-exec",
                  json_pack("{s:o, s:o, s:b}", "path", wire_string(command[0]), "arg",
                            arguments, "capture-output", 1),
                  error);
    if (!result)
        return FALSE;
    *pid = wire_get_integer(result, "pid", 0);
    return TRUE;
}

static gboolean write_output(const GuestStreamRequest *request, const json_t *status,
                             const char *key)
{
    gsize length;
    const char *text = wire_get_string(status, key, NULL);
    if (!text)
        return TRUE;
    g_autofree guchar *bytes = g_base64_decode(text, &length);
    return kvm_write_all(request->data, bytes, length);
}

/* Waits so long, or less when the peer hangs up: FALSE then. */
static gboolean pause_or_hangup(int data, int milliseconds)
{
    struct pollfd wait = {data, 0, 0};
    return poll(&wait, 1, milliseconds) <= 0;
}

gboolean kvm_exec(KvmDomain *domain, const GuestStreamRequest *request, int *exit_status,
                  GError **error)
{
    const char *name = virDomainGetName(domain);
    gint64 pid, timeout = request->timeout > 0 ? request->timeout : TIMEOUT_DEFAULT;
    gint64 deadline = g_get_monotonic_time() + timeout * G_USEC_PER_SEC;
    g_autoptr(KvmXml) xml = kvm_domain_xml(domain, 0, error);
    if (!xml)
        return FALSE;
    if (!kvm_xml_brief(xml).agent) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "no guest agent is connected in vm %s; install and start "
                       "qemu-guest-agent in it",
                       name);
        return FALSE;
    }
    if (!start(domain, request->command, &pid, error))
        return FALSE;
    for (int look = LOOK_FIRST;; look = MIN(look * 2, LOOK_MAX)) {
        g_autoptr(json_t) status = ask_agent(domain, "guest-exec-status",
                                             json_pack("{s:I}", "pid", (json_int_t)pid), error);
        if (!status)
            return FALSE;
        if (wire_get_boolean(status, "exited", FALSE)) {
            (void)(write_output(request, status, "out-data") &&
                   write_output(request, status, "err-data"));
            gint64 signal = wire_get_integer(status, "signal", 0);
            /* As a shell has it: 128 and the signal. */
            *exit_status =
                (int)(signal ? 128 + signal : wire_get_integer(status, "exitcode", 0));
            return TRUE;
        }
        if (g_get_monotonic_time() >= deadline) {
            wire_error_set(error, WIRE_ERROR_TIMEOUT,
                           "%s did not end within %d s; it goes on in vm %s as process %d",
                           request->command[0], (int)timeout, name, (int)pid);
            return FALSE;
        }
        if (!pause_or_hangup(request->data, look)) {
            wire_error_set(error, WIRE_ERROR_CANCELLED,
                           "nobody waits for %s any more; it goes on in vm %s as process %d",
                           request->command[0], name, (int)pid);
            return FALSE;
        }
    }
}
