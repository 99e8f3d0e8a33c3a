#include "agent/move/source.h"

#include "agent/move/check.h"
#include "agent/move/place.h"
#include "agent/move/source_private.h"
#include "backend/guest/kvm_image.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>
#include <unistd.h>

enum {
    COMMAND_SECONDS = 60,
    COMMIT_SECONDS = 240, /* a container's start takes its time */
    AGAIN_US = 1000000,
    LIBVIRT_SECONDS = 300, /* for a daemon that was killed to be there again */
    TARGET_SECONDS = 900   /* for the other node to be reached, in one recovery */
};

gboolean move_note(const MoveSource *source, GError **error)
{
    return job_note(source->job, source->note, error);
}

/* ---- beginning and end ---- */

static gboolean source_open(MoveSource *source, const TaskRequest *request, const Job *job,
                            const char *node, GError **error)
{
    *source = (MoveSource){.request = request, .job = job, .mode = -1};
    const char *mode = wire_get_string(request->params, "mode", NULL);
    MoveMode wished;
    if (!guest_id_parse(request->object, &source->kind, &source->number)) {
        wire_error_set(error, WIRE_ERROR_INTERNAL, "%s is no guest", request->object);
        return FALSE;
    }
    if (move_mode_from_name(mode, &wished))
        source->mode = (int)wished;
    source->bandwidth = (guint)wire_get_integer(request->params, "bandwidth", 0);
    source->result = json_pack("{s:o}", "node", wire_string(node));
    return move_route_open(&source->route, request, job, node, error);
}

static void source_clear(MoveSource *source)
{
    peer_stream_free(source->control);
    if (source->id)
        move_place_remove(source->id);
    move_route_clear(&source->route);
    move_offer_free(source->offer);
    move_verdict_free(source->verdict);
    json_decref(source->note);
    json_decref(source->result);
    g_free(source->id);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MoveSource, source_clear)

/* ---- the check ---- */

static gboolean ask_verdict(MoveSource *source, GError **error)
{
    g_autofree char *text = move_offer_text(source->offer);
    g_autoptr(json_t) answer =
        move_route_call(&source->route, "migration.check",
                        json_pack("{s:o}", "offer", wire_string(text)), error);
    g_autoptr(MoveVerdict) theirs = answer ? move_verdict_parse(answer, error) : NULL;
    if (!theirs)
        return FALSE;
    for (guint i = 0; i < theirs->obstacles->len; i++) {
        const MoveObstacle *obstacle = theirs->obstacles->pdata[i];
        move_verdict_add(source->verdict, obstacle->fix, "%s", obstacle->text);
    }
    g_ptr_array_unref(source->verdict->places);
    source->verdict->places = g_ptr_array_ref(theirs->places);
    return TRUE;
}

/* The verdict of both; the probes are still there. */
static gboolean check(MoveSource *source, GError **error)
{
    source->id = move_id_new();
    source->verdict = move_verdict_new();
    source->note = json_pack("{s:s,s:[]}", "step", "check", "probes");
    job_progress(source->job, 2, "checking");
    source->offer = move_guest_offer(source, source->verdict, error);
    if (!source->offer || !move_note(source, error))
        return FALSE;
    source->offer->document = json_incref(json_object_get(source->request->params, "document"));
    move_probe_write(source);
    return ask_verdict(source, error);
}

static json_t *plan_json(const MoveSource *source)
{
    json_t *plan = move_verdict_json(source->verdict);
    guint64 bytes = move_verdict_bytes(source->verdict, source->offer);
    json_object_set_new(plan, "guest", wire_string(source->request->object));
    json_object_set_new(plan, "name", wire_string(source->request->name));
    json_object_set_new(plan, "from", wire_string(source->route.own));
    json_object_set_new(plan, "node", wire_string(source->route.node));
    json_object_set_new(plan, "mode", json_string(move_mode_name(source->offer->mode)));
    json_object_set_new(plan, "disk_bytes", json_integer((json_int_t)bytes));
    json_object_set_new(plan, "memory_bytes", json_integer((json_int_t)source->offer->memory));
    /* With no limit it is a guess of a gigabit, which most networks of clusters have. */
    double pace = (source->bandwidth ? source->bandwidth : 110) * 1048576.0;
    gboolean live = source->offer->mode == MOVE_LIVE;
    double moved = (double)bytes + (live ? (double)source->offer->memory : 0);
    json_object_set_new(plan, "seconds", json_integer((json_int_t)(2 + moved / pace)));
    return plan;
}

static gboolean run_plan(const TaskRequest *request, const Job *job, gconstpointer user,
                         json_t **result, GError **error)
{
    g_auto(MoveSource) source = {0};
    gboolean good = source_open(&source, request, job,
                                wire_get_string(request->params, "node", ""), error) &&
                    check(&source, error);
    move_probe_remove(source.note);
    if (good)
        *result = plan_json(&source);
    return good;
}

/* ---- the move ---- */

/* From here on a recovery finds out where it is. */
static gboolean note_move(MoveSource *source, GError **error)
{
    const MoveOffer *offer = source->offer;
    json_t *files = json_array();
    for (guint i = 0; i < offer->disks->len; i++) {
        const MoveDisk *disk = offer->disks->pdata[i];
        const MovePlace *place = move_verdict_find(source->verdict, disk->target);
        KvmFile file;
        if (place && place->copy && strcmp(disk->format, "tree") != 0 &&
            kvm_file_read(disk->path, &file, NULL))
            json_array_append_new(
                files, json_pack("{s:o,s:I,s:I}", "path", wire_string(disk->path), "device",
                                 (json_int_t)file.device, "inode", (json_int_t)file.inode));
    }
    json_object_update_new(source->note,
                           json_pack("{s:s,s:s,s:s,s:s,s:b,s:b,s:o,s:o}", "step", "move", "id",
                                     source->id, "node", source->route.node, "mode",
                                     move_mode_name(offer->mode), "paused", offer->paused,
                                     "autostart", offer->autostart, "definition",
                                     wire_string(offer->definition), "files", files));
    return move_note(source, error);
}

static gboolean begin_reception(MoveSource *source, GError **error)
{
    g_autofree char *text = move_offer_text(source->offer);
    g_autoptr(json_t) answer =
        move_route_call(&source->route, "migration.receive",
                        json_pack("{s:o}", "offer", wire_string(text)), error);
    if (!answer)
        return FALSE;
    int number = (int)wire_get_integer(answer, "number", source->number);
    if (number != source->number)
        job_log(source->job, "its number %d is another guest's on %s: it will be %d there",
                source->number, source->route.node, number);
    job_log(source->job, "%s receives it by its task %s", source->route.node,
            wire_get_string(answer, "task", "?"));
    json_object_set_new(source->result, "number", json_integer(number));
    source->control = move_route_reception(&source->route, source->id, TRUE, error);
    if (!source->control)
        return FALSE;
    g_autoptr(json_t) done =
        move_command(source->control, &source->route, json_pack("{s:s}", "do", "verdict"),
                     COMMAND_SECONDS, NULL, error);
    g_autoptr(MoveVerdict) verdict = done ? move_verdict_parse(done, error) : NULL;
    return verdict && move_verdict_allows(verdict, source->route.node, error);
}

/* TRUE: the reception has it and is done. *refused: it could not, and gave it back. */
static gboolean commit(const MoveSource *source, PeerStream *control, gboolean run,
                       gboolean *refused, GError **error)
{
    g_autoptr(json_t) done = move_command(control, &source->route,
                                          json_pack("{s:s,s:b}", "do", "commit", "run", run),
                                          COMMIT_SECONDS, refused, error);
    return done != NULL;
}

static gboolean runs_there(const char *mode, gboolean paused)
{
    return strcmp(mode, "restart") == 0 || (strcmp(mode, "live") == 0 && !paused);
}

static gboolean hand_over(MoveSource *source, GError **error)
{
    const MoveOffer *offer = source->offer;
    gboolean refused = FALSE;
    job_progress(source->job, 92, "handing it over");
    if (!move_guest_give_up(source, error))
        return FALSE;
    if (commit(source, source->control, runs_there(move_mode_name(offer->mode), offer->paused),
               &refused, error)) {
        gint64 stopped = wire_get_integer(source->result, "stopped_at", 0);
        if (stopped) {
            json_object_del(source->result, "stopped_at");
            json_object_set_new(source->result, "downtime_ms",
                                json_integer((g_get_monotonic_time() - stopped) / 1000));
        }
        return TRUE;
    }
    if (refused && offer->mode != MOVE_LIVE && !move_guest_take_back(source, NULL))
        job_log(source->job, "it could not be taken back at once");
    return FALSE;
}

static gboolean move(MoveSource *source, GError **error)
{
    if (!move_verdict_allows(source->verdict, "it can't be moved", error) ||
        !note_move(source, error) || !begin_reception(source, error))
        return FALSE;
    move_probe_remove(source->note);
    if (!job_continue(source->job, error) || !move_guest_transfer(source, error) ||
        !hand_over(source, error))
        return FALSE;
    job_progress(source->job, 96, "removing what was copied");
    move_guest_clear(source, source->note);
    job_log(source->job, "%s is on %s", source->request->name, source->route.node);
    return TRUE;
}

static gboolean run_move(const TaskRequest *request, const Job *job, gconstpointer user,
                         json_t **result, GError **error)
{
    g_auto(MoveSource) source = {0};
    gboolean good = source_open(&source, request, job,
                                wire_get_string(request->params, "node", ""), error) &&
                    check(&source, error) && move(&source, error);
    if (good)
        *result = json_incref(source.result);
    return good;
}

/* ---- recovery ---- */

/* Where it is here, when libvirt answers and works on it no more. */
static json_t *look_here(MoveSource *source, const char *mode, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)LIBVIRT_SECONDS * G_USEC_PER_SEC;
    for (;;) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(json_t) found =
            move_look(&source->route.settings, source->kind, source->request->native,
                      strcmp(mode, "live") == 0, &failure);
        if (found && !wire_get_boolean(found, "working", FALSE))
            return g_steal_pointer(&found);
        if (!job_continue(source->job, error))
            return NULL;
        if (g_get_monotonic_time() > deadline) {
            wire_error_set(error, WIRE_ERROR_TIMEOUT, "it is not known whether %s is here: %s",
                           source->request->name,
                           failure ? failure->message : "libvirt still works on it");
            return NULL;
        }
        job_progress(source->job, -1, "waiting for libvirt");
        g_usleep(AGAIN_US);
    }
}

/* Whether the other node has it for good: it is defined there and nobody is receiving. */
static gboolean is_there(const MoveSource *source, GError **error)
{
    g_autoptr(json_t) found =
        move_route_call(&source->route, "migration.outcome",
                        json_pack("{s:s,s:s}", "kind", guest_kind_name(source->kind), "native",
                                  source->request->native),
                        error);
    return found && wire_get_boolean(found, "defined", FALSE) &&
           !wire_get_boolean(found, "busy", FALSE);
}

/* It has been given up: the other node is told so until it hears it. *refused: it has
 * given it back. */
static gboolean push_through(MoveSource *source, const json_t *note, gboolean *refused,
                             GError **error)
{
    const char *id = wire_get_string(note, "id", "");
    gboolean run =
        runs_there(wire_get_string(note, "mode", ""), wire_get_boolean(note, "paused", FALSE));
    gint64 deadline = g_get_monotonic_time() + (gint64)TARGET_SECONDS * G_USEC_PER_SEC;
    for (;;) {
        g_autoptr(GError) failure = NULL;
        if (is_there(source, &failure))
            return TRUE;
        g_autoptr(PeerStream) control =
            failure ? NULL : move_route_reception(&source->route, id, FALSE, &failure);
        if (control && commit(source, control, run, refused, &failure))
            return TRUE;
        if (*refused)
            return FALSE;
        if (!job_continue(source->job, error) || g_get_monotonic_time() > deadline) {
            if (error && !*error)
                wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                               "%s has been given to %s, which does not answer: %s; it will "
                               "run there when the nodes reach each other",
                               source->request->name, source->route.node,
                               failure ? failure->message : "no answer");
            return FALSE;
        }
        job_progress(source->job, -1, "waiting for the other node");
        g_usleep(AGAIN_US);
    }
}

static gboolean stays_here(MoveSource *source, const json_t *note, char **outcome,
                           GError **error)
{
    if (!move_guest_go_on(source, wire_get_string(note, "mode", ""),
                          wire_get_boolean(note, "paused", FALSE), error))
        return FALSE;
    *outcome = g_strdup_printf("%s stays on %s", source->request->name, source->route.own);
    return TRUE;
}

static gboolean recover_move(const TaskRequest *request, const json_t *note, const Job *job,
                             gconstpointer user, char **outcome, GError **error)
{
    g_auto(MoveSource) source = {0};
    const char *mode = wire_get_string(note, "mode", "");
    gboolean refused = FALSE;
    move_probe_remove(note);
    if (strcmp(wire_get_string(note, "step", ""), "move") != 0) {
        *outcome = g_strdup("nothing was begun");
        return TRUE;
    }
    const char *id = wire_get_string(note, "id", NULL);
    if (!source_open(&source, request, job, wire_get_string(note, "node", ""), error))
        return FALSE;
    if (move_id_is_valid(id))
        source.id = g_strdup(id); /* its sockets go at the end */
    source.note = json_deep_copy(note);
    g_autoptr(json_t) here = look_here(&source, mode, error);
    if (!here)
        return FALSE;
    const char *proof = strcmp(mode, "live") == 0 ? "active" : "defined";
    if (wire_get_boolean(here, proof, FALSE))
        return stays_here(&source, note, outcome, error);
    if (push_through(&source, note, &refused, error)) {
        move_guest_clear(&source, note);
        *outcome = g_strdup_printf("%s is on %s now", request->name, source.route.node);
        return TRUE;
    }
    return refused && strcmp(mode, "live") != 0 && move_guest_take_back(&source, error) &&
           stays_here(&source, note, outcome, error);
}

static gboolean recover_plan(const TaskRequest *request, const json_t *note, const Job *job,
                             gconstpointer user, char **outcome, GError **error)
{
    move_probe_remove(note);
    *outcome = g_strdup("nothing was begun");
    return TRUE;
}

TaskHandler move_source_handler(void)
{
    return (TaskHandler){.method = "guest.migrate", .run = run_move, .recover = recover_move};
}

TaskHandler move_plan_handler(void)
{
    return (TaskHandler){.method = "guest.plan", .run = run_plan, .recover = recover_plan};
}
