/* A VM's serial console, joined to a descriptor.
 *
 * Two threads copy, one each way, with blocking calls: who does not take bytes
 * holds up the one that brings them, back to libvirt's daemon and the guest, and
 * nothing is lost. For that the process must not run libvirt's event loop, which
 * would read ahead into memory, and no keepalive may end a console whose reader
 * pauses: the connection here has neither.
 *
 * The threads and the caller, which only waits, tell each other of the end by an
 * eventfd that stays readable.
 */
#include "backend/guest/kvm_stream.h"
#include "backend/guest/kvm_xml.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    PIECE = 16384,
    END_PATIENCE = G_USEC_PER_SEC, /* for the threads to end */
};

typedef struct {
    virStreamPtr stream;
    int data; /* the caller's descriptor, a copy */
    int end;  /* eventfd */
    GMutex lock;
    GCond ended;
    int threads;
    gboolean ending; /* by the caller's side: what the stream says then is no news */
    GError *failure; /* the stream broke; a guest that stops ends it without */
} Console;

gboolean kvm_write_all(int descriptor, const void *bytes, size_t length)
{
    const char *next = bytes;
    while (length > 0) {
        ssize_t sent = write(descriptor, next, length);
        if (sent > 0) {
            next += sent;
            length -= (size_t)sent;
        } else if (sent < 0 && errno == EAGAIN) {
            struct pollfd wait = {descriptor, POLLOUT, 0};
            if (poll(&wait, 1, -1) < 0 && errno != EINTR)
                return FALSE;
        } else if (sent == 0 || errno != EINTR) {
            return FALSE;
        }
    }
    return TRUE;
}

static void console_clear(gpointer pointer)
{
    Console *console = pointer;
    close(console->data);
    close(console->end);
    g_mutex_clear(&console->lock);
    g_cond_clear(&console->ended);
    g_clear_error(&console->failure);
    (void)virStreamFree(console->stream);
}

static void console_unref(Console *console)
{
    g_atomic_rc_box_release_full(console, console_clear);
}

static void thread_ends(Console *console)
{
    (void)eventfd_write(console->end, 1);
    g_mutex_lock(&console->lock);
    console->threads--;
    g_cond_broadcast(&console->ended);
    g_mutex_unlock(&console->lock);
    console_unref(console);
}

static gpointer copy_from_guest(gpointer pointer)
{
    Console *console = pointer;
    char piece[PIECE];
    for (;;) {
        int length = virStreamRecv(console->stream, piece, sizeof piece);
        if (length < 0) {
            g_mutex_lock(&console->lock);
            if (!console->ending)
                kvm_error_set(&console->failure, "the console broke");
            g_mutex_unlock(&console->lock);
        }
        if (length <= 0 || !kvm_write_all(console->data, piece, (size_t)length))
            break;
    }
    thread_ends(console);
    return NULL;
}

static gboolean send_all(virStreamPtr stream, const char *bytes, size_t length)
{
    while (length > 0) {
        int sent = virStreamSend(stream, bytes, length);
        if (sent <= 0)
            return FALSE;
        bytes += sent;
        length -= (size_t)sent;
    }
    return TRUE;
}

static gpointer copy_to_guest(gpointer pointer)
{
    Console *console = pointer;
    char piece[PIECE];
    for (;;) {
        struct pollfd wait[] = {{console->data, POLLIN, 0}, {console->end, POLLIN, 0}};
        if (poll(wait, G_N_ELEMENTS(wait), -1) < 0 && errno != EINTR)
            break;
        if (wait[1].revents)
            break;
        if (!wait[0].revents)
            continue;
        ssize_t length = read(console->data, piece, sizeof piece);
        if (length < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (length <= 0 || !send_all(console->stream, piece, (size_t)length))
            break;
    }
    thread_ends(console);
    return NULL;
}

/* Waits for either side to end: a thread that does, or the caller's peer hanging
 * up while both threads wait for something else. */
static void wait_for_end(const Console *console)
{
    struct pollfd wait[] = {{console->data, 0, 0}, {console->end, POLLIN, 0}};
    while (poll(wait, G_N_ELEMENTS(wait), -1) < 0 && errno == EINTR)
        ;
    (void)eventfd_write(console->end, 1);
}

/* Ends the stream and the threads. One that still waits for its side is left; it
 * ends with the process. The failure that ended the stream, or NULL. */
static GError *end_console(Console *console)
{
    gint64 until = g_get_monotonic_time() + END_PATIENCE;
    g_mutex_lock(&console->lock);
    console->ending = TRUE;
    GError *failure = g_steal_pointer(&console->failure);
    g_mutex_unlock(&console->lock);
    (void)virStreamAbort(console->stream);
    g_mutex_lock(&console->lock);
    while (console->threads > 0 && g_cond_wait_until(&console->ended, &console->lock, until))
        ;
    g_mutex_unlock(&console->lock);
    return failure;
}

static gboolean has_console(KvmDomain *domain)
{
    g_autoptr(KvmXml) xml = kvm_domain_xml(domain, 0, NULL);
    if (!xml)
        return TRUE; /* opening it will say what is wrong */
    const xmlNode *devices = kvm_xml_child(kvm_xml_root(xml), "devices");
    return kvm_xml_child(devices, "console") || kvm_xml_child(devices, "serial");
}

/* libvirt has no code of its own for a console that somebody has. */
static gboolean is_in_use(void)
{
    return virGetLastErrorCode() == VIR_ERR_OPERATION_FAILED;
}

/* Whether somebody has the console now; asked after ours broke. */
static gboolean was_taken_over(KvmConnection *connection, KvmDomain *domain)
{
    virStreamPtr stream = virStreamNew(connection, 0);
    if (!stream)
        return FALSE;
    gboolean taken =
        virDomainOpenConsole(domain, NULL, stream, VIR_DOMAIN_CONSOLE_SAFE) < 0 && is_in_use();
    if (!taken)
        (void)virStreamAbort(stream);
    (void)virStreamFree(stream);
    return taken;
}

static virStreamPtr open_console(KvmConnection *connection, KvmDomain *domain, gboolean take,
                                 GError **error)
{
    const char *name = virDomainGetName(domain);
    if (!has_console(domain)) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "vm %s has no serial console; give it a <console type='pty'> device",
                       name);
        return NULL;
    }
    virStreamPtr stream = virStreamNew(connection, 0);
    unsigned flags = VIR_DOMAIN_CONSOLE_SAFE | (take ? VIR_DOMAIN_CONSOLE_FORCE : 0u);
    if (stream && virDomainOpenConsole(domain, NULL, stream, flags) == 0)
        return stream;
    if (!take && is_in_use())
        wire_error_set(error, WIRE_ERROR_BUSY,
                       "the console of vm %s is in use by somebody else; it can be taken over",
                       name);
    else
        kvm_error_set(error, "the console of vm %s can't be opened", name);
    if (stream)
        (void)virStreamFree(stream);
    return NULL;
}

static gboolean run_console(KvmConnection *connection, KvmDomain *domain,
                            const GuestStreamRequest *request, GError **error)
{
    virStreamPtr stream = open_console(connection, domain, request->take, error);
    if (!stream)
        return FALSE;
    Console *console = g_atomic_rc_box_new0(Console);
    console->stream = stream;
    console->data = dup(request->data);
    console->end = eventfd(0, EFD_CLOEXEC);
    g_mutex_init(&console->lock);
    g_cond_init(&console->ended);
    console->threads = 2;
    g_thread_unref(
        g_thread_new("console-out", copy_from_guest, g_atomic_rc_box_acquire(console)));
    g_thread_unref(g_thread_new("console-in", copy_to_guest, g_atomic_rc_box_acquire(console)));
    wait_for_end(console);
    GError *failure = end_console(console);
    console_unref(console);
    if (!failure)
        return TRUE;
    if (virConnectIsAlive(connection) == 1 && was_taken_over(connection, domain)) {
        g_clear_error(&failure);
        wire_error_set(&failure, WIRE_ERROR_BUSY, "the console of vm %s was taken over",
                       virDomainGetName(domain));
    }
    g_propagate_error(error, failure);
    return FALSE;
}

gboolean kvm_stream(const GuestSettings *settings, const char *native,
                    const GuestStreamRequest *request, int *exit_status, GError **error)
{
    GuestState state;
    g_autoptr(KvmConnection) connection = kvm_connect(settings->libvirt_uri, error);
    if (!connection)
        return FALSE;
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, error);
    if (!domain || !kvm_state_read(domain, &state, NULL, error))
        return FALSE;
    if (request->kind == GUEST_STREAM_SHELL) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "vm %s has no shell to attach to: VMs have a console only",
                       virDomainGetName(domain));
        return FALSE;
    }
    GuestAct act = request->kind == GUEST_STREAM_CONSOLE ? GUEST_ACT_CONSOLE : GUEST_ACT_EXEC;
    const char *refusal = guest_act_refusal(GUEST_KIND_VM, state, act);
    if (refusal) {
        wire_error_set(error, WIRE_ERROR_STATE, "vm %s can't be %s: it %s",
                       virDomainGetName(domain), guest_act_participle(act), refusal);
        return FALSE;
    }
    if (request->kind == GUEST_STREAM_EXEC)
        return kvm_exec(domain, request, exit_status, error);
    if (!run_console(connection, domain, request, error))
        return FALSE;
    *exit_status = -1;
    return TRUE;
}
