#include "agent/stream.h"

#include "agent/agent.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the child finds where: see stream_child.c. */
enum { CHILD_DATA = 3, CHILD_CONTROL = 4, RESULT_MAX = 4096, KEEP_ENDED = 60 };

typedef struct {
    StreamTable *table;
    char *name;
    char *user;
    uid_t uid;
    char *id; /* vm/100 */
    GuestStreamKind kind;
    json_t *request; /* what the child is told */
    gint64 opened;   /* seconds since 1970 */
    guint deadline;  /* to be claimed, or to be forgotten */
    gboolean claimed;
    gboolean ended;
    GPid child;
    guint child_watch;
    int data;      /* our copy of the descriptor, for last words */
    int control;   /* to the child; -1 */
    int result;    /* from the child; -1 */
    char *verdict; /* why the agent ended it, if it did */
    json_t *outcome;
    GPtrArray *waiting; /* of Request */
} Stream;

struct StreamTable {
    Agent *agent;
    GHashTable *streams; /* name -> Stream */
};

static void stream_free(gpointer data)
{
    Stream *stream = data;
    g_clear_handle_id(&stream->deadline, g_source_remove);
    g_clear_handle_id(&stream->child_watch, g_source_remove);
    if (stream->child) {
        kill(stream->child, SIGTERM);
        g_spawn_close_pid(stream->child);
    }
    int *descriptors[] = {&stream->data, &stream->control, &stream->result};
    for (size_t i = 0; i < G_N_ELEMENTS(descriptors); i++)
        if (*descriptors[i] >= 0)
            close(*descriptors[i]);
    for (guint i = 0; i < stream->waiting->len; i++) {
        GError *error = NULL;
        wire_error_set(&error, WIRE_ERROR_CANCELLED, "the agent stops");
        request_fail(stream->waiting->pdata[i], error);
    }
    g_ptr_array_unref(stream->waiting);
    json_decref(stream->request);
    json_decref(stream->outcome);
    g_free(stream->verdict);
    g_free(stream->name);
    g_free(stream->user);
    g_free(stream->id);
    g_free(stream);
}

StreamTable *stream_table_new(Agent *agent)
{
    StreamTable *table = g_new0(StreamTable, 1);
    table->agent = agent;
    table->streams = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, stream_free);
    return table;
}

void stream_table_free(StreamTable *table)
{
    if (!table)
        return;
    g_hash_table_destroy(table->streams);
    g_free(table);
}

static gboolean on_expired(gpointer user)
{
    Stream *stream = user;
    stream->deadline = 0;
    g_hash_table_remove(stream->table->streams, stream->name);
    return G_SOURCE_REMOVE;
}

/* Who has this guest's console now, or NULL. */
static Stream *console_holder(const StreamTable *table, const char *id)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, table->streams);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Stream *stream = value;
        if (stream->kind == GUEST_STREAM_CONSOLE && !stream->ended && stream->child &&
            g_str_equal(stream->id, id))
            return stream;
    }
    return NULL;
}

static void last_words(const Stream *stream, const char *words)
{
    if (stream->data < 0)
        return;
    g_autofree char *text = g_strdup_printf("\r\n[%s]\r\n", words);
    /* A peer that does not read loses them. */
    (void)!send(stream->data, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static gboolean make_room(StreamTable *table, const StreamAsk *ask, const char *user,
                          GError **error)
{
    if (g_hash_table_size(table->streams) >= STREAMS_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT,
                       "%d consoles are open on %s, which is the limit", STREAMS_MAX,
                       table->agent->node);
        return FALSE;
    }
    if (ask->kind != GUEST_STREAM_CONSOLE)
        return TRUE;
    Stream *holder = console_holder(table, ask->id);
    if (!holder)
        return TRUE;
    if (!ask->take) {
        g_autoptr(GDateTime) opened = g_date_time_new_from_unix_local(holder->opened);
        g_autofree char *when = g_date_time_format(opened, "%H:%M:%S");
        wire_error_set_field(error, WIRE_ERROR_BUSY, "take",
                             "the console of %s is in use by %s since %s; it can be taken over",
                             ask->id, holder->user, when);
        return FALSE;
    }
    g_free(holder->verdict);
    holder->verdict = g_strdup_printf("%s has taken this console over", user);
    kill(holder->child, SIGTERM);
    return TRUE;
}

static char *random_name(void)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return NULL;
    GString *name = g_string_sized_new(2 * sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        g_string_append_printf(name, "%02x", bytes[i]);
    return g_string_free(name, FALSE);
}

static json_t *child_request(const StreamTable *table, const StreamAsk *ask)
{
    const AgentConfig *config = table->agent->config;
    json_t *paths = json_array();
    for (char *const *path = config->lxc_paths; *path; path++)
        json_array_append_new(paths, wire_string(*path));
    json_t *request =
        json_pack("{s:s,s:o,s:i,s:b,s:i,s:i,s:i,s:s,s:o}", "driver", ask->driver->name,
                  "native", wire_string(ask->native), "kind", (int)ask->kind, "take", ask->take,
                  "rows", ask->rows, "columns", ask->columns, "timeout", ask->timeout,
                  "libvirt_uri", config->libvirt_uri, "lxc_paths", paths);
    if (ask->command)
        json_object_set_new(request, "command", json_deep_copy(ask->command));
    return request;
}

const char *stream_new(StreamTable *table, const StreamAsk *ask, const char *user, uid_t uid,
                       GError **error)
{
    if (!make_room(table, ask, user, error))
        return NULL;
    g_autofree char *name = random_name();
    if (!name) {
        wire_error_set(error, WIRE_ERROR_INTERNAL, "the kernel gave no random bytes");
        return NULL;
    }
    Stream *stream = g_new0(Stream, 1);
    stream->table = table;
    stream->name = g_steal_pointer(&name);
    stream->user = g_strdup(user);
    stream->uid = uid;
    stream->id = g_strdup(ask->id);
    stream->kind = ask->kind;
    stream->request = child_request(table, ask);
    stream->opened = g_get_real_time() / G_USEC_PER_SEC;
    stream->data = stream->control = stream->result = -1;
    stream->waiting = g_ptr_array_new();
    stream->deadline = g_timeout_add_seconds(STREAM_CLAIM_DEADLINE, on_expired, stream);
    g_hash_table_insert(table->streams, stream->name, stream);
    return stream->name;
}

static Stream *find(const StreamTable *table, const char *name, uid_t uid, GError **error)
{
    Stream *stream = g_hash_table_lookup(table->streams, name);
    if (stream && stream->uid == uid)
        return stream;
    wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "stream",
                         "there is no such stream (it ended, or was not claimed within %d s)",
                         STREAM_CLAIM_DEADLINE);
    return NULL;
}

gboolean stream_claim(StreamTable *table, const char *name, uid_t uid, GError **error)
{
    Stream *stream = find(table, name, uid, error);
    if (!stream)
        return FALSE;
    if (stream->claimed) {
        wire_error_set_field(error, WIRE_ERROR_BUSY, "stream", "this stream is in use already");
        return FALSE;
    }
    stream->claimed = TRUE;
    g_clear_handle_id(&stream->deadline, g_source_remove);
    return TRUE;
}

/* ---- the end ---- */

static json_t *read_outcome(const Stream *stream, int wait_status)
{
    char text[RESULT_MAX];
    if (stream->verdict)
        return json_pack("{s:n,s:o}", "exit", "error", wire_string(stream->verdict));
    ssize_t got = stream->result < 0 ? 0 : read(stream->result, text, sizeof text);
    json_t *outcome = got > 0 ? json_loadb(text, (size_t)got, 0, NULL) : NULL;
    if (json_is_object(outcome))
        return outcome;
    json_decref(outcome);
    return WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGTERM
               ? json_pack("{s:n,s:s}", "exit", "error", "ended by the agent")
               : json_pack("{s:n,s:s}", "exit", "error", "the stream's process died");
}

static void end_stream(Stream *stream, json_t *outcome)
{
    const char *error = wire_get_string(outcome, "error", NULL);
    if (error && stream->kind != GUEST_STREAM_EXEC)
        last_words(stream, error);
    stream->ended = TRUE;
    stream->outcome = outcome;
    for (guint i = 0; i < stream->waiting->len; i++)
        request_answer(stream->waiting->pdata[i], json_deep_copy(outcome));
    g_ptr_array_set_size(stream->waiting, 0);
    if (stream->data >= 0) {
        shutdown(stream->data, SHUT_RDWR);
        close(stream->data);
        stream->data = -1;
    }
    /* Kept a while for who asks late how it ended. */
    stream->deadline = g_timeout_add_seconds(KEEP_ENDED, on_expired, stream);
}

static void on_child_ended(GPid child, int status, gpointer user)
{
    Stream *stream = user;
    stream->child_watch = 0;
    stream->child = 0;
    g_spawn_close_pid(child);
    end_stream(stream, read_outcome(stream, status));
}

/* A sealed file with the request: nothing of it shows in the process list. */
static int request_file(const json_t *request)
{
    char *text = json_dumps(request, WIRE_DUMP);
    int descriptor = memfd_create("gantry-stream", MFD_CLOEXEC);
    size_t length = strlen(text);
    if (descriptor >= 0 && (write(descriptor, text, length) != (ssize_t)length ||
                            lseek(descriptor, 0, SEEK_SET) != 0)) {
        close(descriptor);
        descriptor = -1;
    }
    free(text);
    return descriptor;
}

static gboolean spawn_child(Stream *stream, int descriptor, GError **error)
{
    static const char *const arguments[] = {"/proc/self/exe", "stream", NULL};
    int control[2], result[2];
    int request = request_file(stream->request);
    if (request < 0 || !g_unix_open_pipe(control, FD_CLOEXEC, error))
        return FALSE;
    if (!g_unix_open_pipe(result, FD_CLOEXEC, error)) {
        close(control[0]);
        close(control[1]);
        close(request);
        return FALSE;
    }
    int sources[] = {descriptor, control[0]}, targets[] = {CHILD_DATA, CHILD_CONTROL};
    gboolean spawned = g_spawn_async_with_pipes_and_fds(
        "/", arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL,
        NULL, request, result[1], STDERR_FILENO, sources, targets, 2, &stream->child, NULL,
        NULL, NULL, error);
    close(request);
    close(control[0]);
    close(result[1]);
    if (!spawned) {
        close(control[1]);
        close(result[0]);
        return FALSE;
    }
    stream->control = control[1];
    stream->result = result[0];
    g_unix_set_fd_nonblocking(stream->control, TRUE, NULL);
    g_unix_set_fd_nonblocking(stream->result, TRUE, NULL);
    stream->child_watch = g_child_watch_add(stream->child, on_child_ended, stream);
    return TRUE;
}

void stream_attach(StreamTable *table, const char *name, int descriptor)
{
    Stream *stream = g_hash_table_lookup(table->streams, name);
    g_autoptr(GError) error = NULL;
    if (!stream) {
        close(descriptor);
        return;
    }
    stream->data = descriptor;
    g_unix_set_fd_nonblocking(descriptor, FALSE, NULL);
    if (!spawn_child(stream, descriptor, &error))
        end_stream(stream, json_pack("{s:n,s:o}", "exit", "error",
                                     wire_string(error ? error->message : g_strerror(errno))));
}

gboolean stream_resize(StreamTable *table, const char *name, uid_t uid, int rows, int columns,
                       GError **error)
{
    Stream *stream = find(table, name, uid, error);
    if (!stream)
        return FALSE;
    json_object_set_new(stream->request, "rows", json_integer(rows));
    json_object_set_new(stream->request, "columns", json_integer(columns));
    g_autofree char *line = g_strdup_printf("resize %d %d\n", rows, columns);
    /* A full pipe means that the child hangs; the next size will do. */
    if (stream->control >= 0)
        (void)!write(stream->control, line, strlen(line));
    return TRUE;
}

void stream_wait(StreamTable *table, const char *name, Request *request)
{
    GError *error = NULL;
    Stream *stream = find(table, name, request->uid, &error);
    if (!stream)
        request_fail(request, error);
    else if (stream->ended)
        request_answer(request, json_deep_copy(stream->outcome));
    else
        g_ptr_array_add(stream->waiting, request);
}
