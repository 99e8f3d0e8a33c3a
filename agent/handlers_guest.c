/* guest.*: asked of the driver in a worker, done by it in a task. */
#include "agent/agent.h"
#include "agent/figure.h"
#include "agent/guests.h"
#include "agent/handlers.h"
#include "agent/stream.h"
#include "agent/task_board.h"
#include "backend/wire/error.h"

#include <string.h>

enum { READ_DEADLINE = 5000, SECONDS_EXEC = 60, TAGS_MAX = 64 };

static Guest *asked_guest(Request *request, GError **error)
{
    Guest *guest = guest_table_resolve(request->agent->guests,
                                       wire_get_string(request->params, "guest", ""), error);
    if (guest && !request->object)
        request->object = g_strdup(guest->id);
    return guest;
}

/* Each a field that guests have, and named once. */
static gboolean check_fields(const json_t *fields, GError **error)
{
    const ObjectField *known = object_kind_fields(OBJECT_GUEST);
    guint64 seen = 0;
    size_t index;
    const json_t *name;
    json_array_foreach(fields, index, name)
    {
        guint at = 0;
        while (known[at].name && !g_str_equal(known[at].name, json_string_value(name)))
            at++;
        if (!known[at].name || seen & G_GUINT64_CONSTANT(1) << at) {
            wire_error_set_field(error, WIRE_ERROR_PARAMS, "fields",
                                 known[at].name ? "the field '%s' is named twice"
                                                : "guests have no field '%s'",
                                 json_string_value(name));
            return FALSE;
        }
        seen |= G_GUINT64_CONSTANT(1) << at;
    }
    return TRUE;
}

static void serve_list(Request *request)
{
    const json_t *fields = json_object_get(request->params, "fields");
    GError *error = NULL;
    if (!check_fields(fields, &error)) {
        request_fail(request, error);
        return;
    }
    guest_table_publish_figures(request->agent->guests);
    request_answer_list(request, "guests",
                        inventory_list(request->agent->inventory, OBJECT_GUEST, fields));
}

static void serve_cluster_guests(Request *request)
{
    const char *node = wire_get_string(request->params, "node", NULL);
    request_answer(request,
                   json_pack("{s:o}", "guests", guest_table_all(request->agent->guests, node)));
}

/* ---- reading, in a worker ---- */

typedef struct {
    const GuestDriver *driver;
    GuestSettings settings;
    char *uri;
    GStrv paths;
    char *native;
    gboolean saved;
    Request *request;
    char *id;
} Reading;

static void reading_free(gpointer data)
{
    Reading *reading = data;
    g_free(reading->uri);
    g_strfreev(reading->paths);
    g_free(reading->native);
    g_free(reading->id);
    g_free(reading);
}

static void json_free(gpointer json)
{
    json_decref(json);
}

static void read_in_worker(Request *request, const Guest *guest, WorkerFunction run,
                           WorkerDone done)
{
    const AgentConfig *config = request->agent->config;
    Reading *reading = g_new0(Reading, 1);
    /* Copies: a reload may replace the configuration while the worker reads. */
    reading->uri = g_strdup(config->libvirt_uri);
    reading->paths = g_strdupv(config->lxc_paths);
    reading->settings = (GuestSettings){reading->uri, (const char *const *)reading->paths};
    reading->driver = guest->driver;
    reading->native = g_strdup(guest->summary->native);
    reading->saved = wire_get_boolean(request->params, "saved", FALSE);
    /* A container that hangs must not keep the others from being read. */
    g_autofree char *key = guest->summary->kind == GUEST_KIND_CT
                               ? g_strdup_printf("LXC on %s", guest->id)
                               : g_strdup("libvirt");
    worker_submit(request->agent->workers, &(WorkerJob){.key = key,
                                                        .deadline = READ_DEADLINE,
                                                        .run = run,
                                                        .data = reading,
                                                        .free_data = reading_free,
                                                        .free_result = json_free,
                                                        .done = done,
                                                        .user = request});
}

static gpointer run_describe(gpointer data, GError **error)
{
    const Reading *reading = data;
    return reading->driver->describe(&reading->settings, reading->native, error);
}

static gpointer run_definition(gpointer data, GError **error)
{
    const Reading *reading = data;
    g_autofree char *text =
        reading->driver->definition(&reading->settings, reading->native, reading->saved, error);
    if (!text)
        return NULL;
    return json_pack("{s:s,s:o}", "format",
                     reading->driver->kind == GUEST_KIND_VM ? "libvirt-xml" : "lxc-config",
                     "text", wire_string(text));
}

/* A driver known to be silent is not asked: nobody has to wait for its deadline. */
static gboolean driver_answers(const Guest *guest, GError **error)
{
    if (!guest->stale_since)
        return TRUE;
    wire_error_set(
        error, WIRE_ERROR_UNAVAILABLE,
        "%s %s can't be reached: its %s driver has not answered for %" G_GINT64_FORMAT
        " s; see the alarms of this node",
        guest->id, guest->summary->name, guest->driver->name,
        MAX(0, g_get_real_time() / G_USEC_PER_SEC - guest->stale_since));
    return FALSE;
}

/* What is known anyway comes even when the driver is silent. */
static void on_described(gpointer result, const GError *error, gpointer user)
{
    Request *request = user;
    GError *gone = NULL;
    const Guest *guest = asked_guest(request, &gone);
    if (!guest) {
        json_decref(result);
        request_fail(request, gone);
        return;
    }
    const json_t *known = inventory_find(request->agent->inventory, OBJECT_GUEST, guest->id);
    json_t *answer = json_copy((json_t *)(gintptr)known);
    json_t *document = guest_table_document(request->agent->guests, guest);
    json_object_set_new(answer, "notes", json_incref(json_object_get(document, "notes")));
    json_object_set_new(answer, "description",
                        json_incref(json_object_get(document, "description")));
    json_decref(document);
    guint64 revision = guest_table_document_revision(request->agent->guests, guest);
    json_object_set_new(answer, "revision", json_integer((json_int_t)revision));
    if (guest->figures.vcpu) {
        json_t *vcpu = json_array();
        for (int i = 0; i < guest->figures.vcpu_count; i++)
            json_array_append_new(vcpu, figure_json(guest->figures.vcpu[i], 0.1));
        json_object_set_new(answer, "vcpu_cpu", vcpu);
    }
    json_object_set_new(answer, "detail", result ? result : json_null());
    json_object_set_new(answer, "problem", error ? wire_string(error->message) : json_null());
    request_answer(request, answer);
}

static void serve_show(Request *request)
{
    GError *error = NULL;
    const Guest *guest = asked_guest(request, &error);
    if (!guest) {
        request_fail(request, error);
        return;
    }
    guest_table_publish_figures(request->agent->guests);
    guest_table_look(request->agent->guests, guest);
    if (driver_answers(guest, &error)) {
        read_in_worker(request, guest, run_describe, on_described);
        return;
    }
    on_described(NULL, error, request);
    g_error_free(error);
}

static void on_definition(gpointer result, const GError *error, gpointer user)
{
    request_finish(user, result, error ? g_error_copy(error) : NULL);
}

static void serve_definition(Request *request)
{
    GError *error = NULL;
    g_autofree char *node = NULL;
    const Guest *guest = asked_guest(request, &error);
    g_autofree char *copy =
        guest ? NULL
              : guest_table_definition(request->agent->guests,
                                       wire_get_string(request->params, "guest", ""), &node);
    if (copy) {
        g_clear_error(&error);
        request_answer(request, json_pack("{s:s,s:o,s:o}", "format",
                                          *copy == '<' ? "libvirt-xml" : "lxc-config", "text",
                                          wire_string(copy), "node", wire_string(node)));
    } else if (guest && driver_answers(guest, &error)) {
        read_in_worker(request, guest, run_definition, on_definition);
    } else {
        request_fail(request, error);
    }
}

/* ---- acts ---- */

/* What the driver would refuse is refused here already, so that no task is made
 * for it; the driver looks again, with the state it then has. */
static gboolean act_makes_sense(const Guest *guest, GuestAct act, GError **error)
{
    if (!driver_answers(guest, error))
        return FALSE;
    GuestState state = guest_is_settled(guest) ? guest->summary->state : GUEST_STATE_UNKNOWN;
    const char *refusal = guest_act_refusal(guest->summary->kind, state, act);
    if (!refusal)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STATE, "%s %s can't be %s: it %s", guest->id,
                   guest->summary->name, guest_act_participle(act), refusal);
    return FALSE;
}

static gboolean is_confirmed(const Guest *guest, const json_t *params, GError **error)
{
    const char *confirm = wire_get_string(params, "confirm", NULL);
    if (!confirm || g_str_equal(confirm, guest->summary->name))
        return TRUE;
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "confirm",
                         "%s is named %s, not %s: nothing was deleted", guest->id,
                         guest->summary->name, confirm);
    return FALSE;
}

/* A container's native identifier holds its name, so a rename changes it. */
static void expect_new_name(const Request *request)
{
    const Guest *guest = guest_table_find(request->agent->guests, request->object);
    if (!guest || guest->summary->kind != GUEST_KIND_CT)
        return;
    g_autofree char *directory = g_path_get_dirname(guest->summary->native);
    g_autofree char *native =
        g_build_filename(directory, wire_get_string(request->params, "name", ""), NULL);
    guest_table_expect(request->agent->guests, guest->id, native);
}

static void on_submitted(const char *task, const GError *error, gpointer user)
{
    Request *request = user;
    if (error) {
        request_fail(request, g_error_copy(error));
        return;
    }
    if (g_str_equal(request->method->name, "guest.rename"))
        expect_new_name(request);
    request_answer(request, json_pack("{s:s}", "task", task));
}

static void serve_act(Request *request)
{
    GError *error = NULL;
    GuestAct act;
    const Guest *guest = asked_guest(request, &error);
    if (!guest_act_from_name(request->method->name + strlen("guest."), &act))
        wire_error_set(&error, WIRE_ERROR_INTERNAL, "%s is not an act", request->method->name);
    if (error || !act_makes_sense(guest, act, &error) ||
        !is_confirmed(guest, request->params, &error)) {
        request_fail(request, error);
        return;
    }
    task_engine_submit(task_board_engine(request->agent->tasks),
                       &(TaskSubmission){.method = request->method->name,
                                         .object = guest->id,
                                         .name = guest->summary->name,
                                         .native = guest->summary->native,
                                         .params = request->params,
                                         .owner = request->user,
                                         .uid = request->uid},
                       on_submitted, request);
}

/* ---- tags and notes ---- */

static int compare_strings(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean tag_is_good(const char *tag)
{
    size_t length = strlen(tag);
    return length > 0 && length <= 64 &&
           strspn(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               length;
}

static json_t *sorted_tags(const json_t *tags, GError **error)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    size_t index;
    json_t *tag;
    json_array_foreach(tags, index, tag)
    {
        if (!tag_is_good(json_string_value(tag))) {
            wire_error_set_field(error, WIRE_ERROR_PARAMS, "tags",
                                 "a tag is 1 to 64 letters, digits, '-', '_' or '.', not '%s'",
                                 json_string_value(tag));
            return NULL;
        }
        g_ptr_array_add(words, (gpointer)(gintptr)json_string_value(tag));
    }
    g_ptr_array_sort(words, compare_strings);
    json_t *sorted = json_array();
    for (guint i = 0; i < words->len; i++)
        if (i == 0 || strcmp(words->pdata[i], words->pdata[i - 1]) != 0)
            json_array_append_new(sorted, json_string(words->pdata[i]));
    return sorted;
}

/* All tags that it shall have, unsorted; NULL: as they are. */
static json_t *wanted_tags(const json_t *document, const json_t *params)
{
    const json_t *tags = json_object_get(params, "tags");
    const json_t *more = json_object_get(params, "add_tags");
    const json_t *less = json_object_get(params, "remove_tags");
    if (!tags && !more && !less)
        return NULL;
    const json_t *before = tags ? tags : json_object_get(document, "tags");
    json_t *wanted = json_array();
    size_t index, other;
    json_t *tag;
    const json_t *gone;
    json_array_foreach(before, index, tag)
    {
        gboolean stays = TRUE;
        json_array_foreach(less, other, gone)
        {
            stays = stays && !json_equal(tag, gone);
        }
        if (stays)
            json_array_append(wanted, tag);
    }
    (void)json_array_extend(wanted, (json_t *)(gintptr)more);
    return wanted;
}

static void on_saved(const GError *error, gpointer user)
{
    request_finish(user, error ? NULL : json_object(), error ? g_error_copy(error) : NULL);
}

static json_t *edit_words(const json_t *document, gpointer user, GError **error)
{
    static const char *const texts[] = {"notes", "description"};
    const json_t *params = ((const Request *)user)->params;
    g_autoptr(json_t) tags = wanted_tags(document, params);
    g_autoptr(json_t) sorted = tags ? sorted_tags(tags, error) : NULL;
    if (tags && !sorted)
        return NULL;
    if (json_array_size(sorted) > TAGS_MAX) {
        wire_error_set_field(error, WIRE_ERROR_LIMIT, "tags", "a guest has at most %d tags",
                             TAGS_MAX);
        return NULL;
    }
    json_t *changes = json_object();
    if (sorted)
        json_object_set(changes, "tags", sorted);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        if (json_object_get(params, texts[i]))
            json_object_set(changes, texts[i], json_object_get(params, texts[i]));
    return changes;
}

static void serve_set(Request *request)
{
    GError *error = NULL;
    const Guest *guest = asked_guest(request, &error);
    if (guest)
        guest_table_change_document(request->agent->guests, guest, request->params, edit_words,
                                    on_saved, request);
    else
        request_fail(request, error);
}

/* ---- consoles and programs ---- */

static void open_stream(Request *request, GuestStreamKind kind)
{
    GError *error = NULL;
    const Guest *guest = asked_guest(request, &error);
    const json_t *params = request->params;
    GuestAct act = kind == GUEST_STREAM_EXEC ? GUEST_ACT_EXEC : GUEST_ACT_CONSOLE;
    if (!guest || !act_makes_sense(guest, act, &error)) {
        request_fail(request, error);
        return;
    }
    const char *stream = stream_new(
        request->agent->streams,
        &(StreamAsk){.driver = guest->driver,
                     .id = guest->id,
                     .native = guest->summary->native,
                     .kind = kind,
                     .take = wire_get_boolean(params, "take", FALSE),
                     .rows = (int)wire_get_integer(params, "rows", 0),
                     .columns = (int)wire_get_integer(params, "columns", 0),
                     .command = json_object_get(params, "command"),
                     .timeout = (int)wire_get_integer(params, "timeout", SECONDS_EXEC)},
        request->user, request->uid, &error);
    request_finish(request, stream ? json_pack("{s:s}", "stream", stream) : NULL, error);
}

static void serve_console(Request *request)
{
    const char *what = wire_get_string(request->params, "what", "console");
    open_stream(request,
                g_str_equal(what, "shell") ? GUEST_STREAM_SHELL : GUEST_STREAM_CONSOLE);
}

static void serve_exec(Request *request)
{
    open_stream(request, GUEST_STREAM_EXEC);
}

const HandlerRow handlers_guest[] = {
    {"guest.list", serve_list},   {"cluster.guests", serve_cluster_guests},
    {"guest.show", serve_show},   {"guest.definition", serve_definition},
    {"guest.start", serve_act},   {"guest.shutdown", serve_act},
    {"guest.stop", serve_act},    {"guest.reboot", serve_act},
    {"guest.reset", serve_act},   {"guest.pause", serve_act},
    {"guest.resume", serve_act},  {"guest.save", serve_act},
    {"guest.discard", serve_act}, {"guest.delete", serve_act},
    {"guest.rename", serve_act},  {"guest.autostart", serve_act},
    {"guest.sendkey", serve_act}, {"guest.nmi", serve_act},
    {"guest.set", serve_set},     {"guest.console", serve_console},
    {"guest.exec", serve_exec},   {NULL, NULL},
};
