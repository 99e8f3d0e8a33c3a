#include "agent/move/reception.h"

#include "agent/move/check.h"
#include "agent/move/file.h"
#include "agent/move/place.h"
#include "agent/move/reception_private.h"
#include "agent/move/tree.h"
#include "backend/guest/kvm_move.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>
#include <unistd.h>

enum { ASK_AGAIN_US = 2000000, SHUT_US = 100000, SETTLE_US = 500000, SETTLE_SECONDS = 60 };

/* ---- the commands: each answers what is done ---- */

static json_t *do_verdict(Reception *reception, const json_t *command, GError **error)
{
    const char *storage =
        move_settings_storage(reception->request->settings, reception->offer->storage);
    MoveVerdict *verdict = move_check(&reception->settings, reception->offer, storage, error);
    if (!verdict)
        return NULL;
    move_verdict_free(reception->verdict);
    reception->verdict = verdict;
    return move_verdict_json(verdict);
}

/* Nothing is made for a guest that this node has not found good. */
static gboolean is_agreed(const Reception *reception, GError **error)
{
    if (reception->verdict)
        return move_verdict_allows(reception->verdict, reception->offer->name, error);
    wire_error_set(error, WIRE_ERROR_STATE, "the verdict was not asked for");
    return FALSE;
}

static json_t *do_images(Reception *reception, const json_t *command, GError **error)
{
    const MoveOffer *offer = reception->offer;
    for (guint i = 0; i < offer->disks->len; i++) {
        const MoveDisk *disk = offer->disks->pdata[i];
        const MovePlace *place = move_verdict_find(reception->verdict, disk->target);
        if (place && place->copy && !reception_make_image(reception, place->path, disk, error))
            return NULL;
    }
    return json_object();
}

static json_t *do_file(Reception *reception, const json_t *command, GError **error)
{
    const char *target = wire_get_string(command, "target", NULL);
    const MovePlace *place = move_verdict_find(reception->verdict, target);
    if (!place || !place->copy || !move_socket_is_valid(target)) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "there is no disk to copy of that name");
        return NULL;
    }
    int file = reception_make_file(reception, place->path, error);
    if (file < 0)
        return NULL;
    g_autofree char *name = g_strconcat("file-", target, NULL);
    const MoveFile what = {.path = place->path, .what = target, .job = reception->job};
    int stream = reception_accept(reception, name, error);
    job_log(reception->job, "receiving %s", place->path);
    gboolean good = stream >= 0 && move_file_receive(&what, stream, file, error);
    if (stream >= 0)
        (void)close(stream);
    (void)close(file);
    return good ? json_object() : NULL;
}

static json_t *do_tree(Reception *reception, const json_t *command, GError **error)
{
    if (reception->offer->kind != GUEST_KIND_CT) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "only a container has a tree");
        return NULL;
    }
    if (!reception_make_directory(reception, error))
        return NULL;
    int stream = reception_accept(reception, "tree", error);
    if (stream < 0)
        return NULL;
    g_autofree char *path = g_build_filename(reception->offer->native, "rootfs", NULL);
    gboolean good = move_tree_receive(path, stream, reception->job, error);
    (void)close(stream);
    return good ? json_object() : NULL;
}

static json_t *do_define(Reception *reception, const json_t *command, GError **error)
{
    return reception_guest_define(reception, error) ? json_object() : NULL;
}

static json_t *do_commit(Reception *reception, const json_t *command, GError **error)
{
    gboolean run = wire_get_boolean(command, "run", FALSE);
    gboolean live = reception->offer->mode == MOVE_LIVE;
    json_object_set_new(reception->note, "run", json_boolean(run));
    /* What came live is nowhere else any more: whoever recovers from here on knows it. */
    if (live && !reception_note(reception, "committed", error))
        return NULL;
    if (!reception_guest_run(reception, run, error)) {
        /* One that can't be started here is given back before the source hears of it. */
        if (!live && !reception_guest_remove(reception, NULL))
            job_log(reception->job, "it could not be removed either");
        return NULL;
    }
    job_log(reception->job, "%s is this node's%s", reception->offer->name,
            run ? ", and runs here" : "");
    return live || reception_note(reception, "committed", error) ? json_object() : NULL;
}

static const struct {
    const char *word;
    json_t *(*run)(Reception *reception, const json_t *command, GError **error);
    gboolean agreed; /* only after a verdict without obstacles */
    gboolean last;   /* a success ends the reception */
} commands[] = {
    {"verdict", do_verdict, FALSE, FALSE}, {"images", do_images, TRUE, FALSE},
    {"file", do_file, TRUE, FALSE},        {"tree", do_tree, TRUE, FALSE},
    {"define", do_define, TRUE, FALSE},    {"commit", do_commit, TRUE, TRUE},
};

/* TRUE: go on, unless *done. FALSE: the reception has failed. */
static gboolean serve(Reception *reception, const json_t *command, gboolean *done,
                      GError **error)
{
    const char *word = wire_get_string(command, "do", "");
    g_autoptr(GError) failure = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].word, word) != 0)
            continue;
        json_t *result = commands[i].agreed && !is_agreed(reception, &failure)
                             ? NULL
                             : commands[i].run(reception, command, &failure);
        *done = result && commands[i].last;
        gboolean told = reception_answer(reception, result, failure, *done ? NULL : error);
        if (failure)
            g_propagate_error(error && *error ? NULL : error, g_steal_pointer(&failure));
        return *done || (told && result);
    }
    wire_error_set(error, WIRE_ERROR_METHOD, "a reception can't '%s'", word);
    return FALSE;
}

/* ---- the task ---- */

static void reception_clear(Reception *reception)
{
    if (reception->control >= 0)
        (void)close(reception->control);
    if (reception->listening >= 0)
        (void)close(reception->listening);
    if (reception->input)
        g_string_free(reception->input, TRUE);
    move_route_clear(&reception->route);
    move_offer_free(reception->offer);
    move_verdict_free(reception->verdict);
    json_decref(reception->note);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reception, reception_clear)

static gboolean reception_open(Reception *reception, const TaskRequest *request, const Job *job,
                               GError **error)
{
    const char *text = wire_get_string(request->params, "offer", "");
    *reception = (Reception){.request = request,
                             .job = job,
                             .listening = -1,
                             .control = -1,
                             .input = g_string_new(NULL)};
    reception->offer = move_offer_parse(text, strlen(text), error);
    if (reception->offer && !move_id_is_valid(reception->offer->id)) {
        g_clear_pointer(&reception->offer, move_offer_free);
        wire_error_set(error, WIRE_ERROR_PARAMS, "the move has no identifier");
    }
    if (!reception->offer ||
        !move_route_open(&reception->route, request, job, reception->offer->from, error))
        return FALSE;
    reception->settings = reception->route.settings;
    return TRUE;
}

static gboolean find_owner(Reception *reception, GError **error)
{
    if (reception->offer->kind != GUEST_KIND_VM)
        return TRUE;
    g_autoptr(KvmConnection) connection = kvm_connect(reception->settings.libvirt_uri, error);
    return connection && kvm_move_owner(connection, &reception->uid, &reception->gid, error);
}

/* Unless it is done its place stays, for the recovery to see who is still in. */
static gboolean run_reception(const TaskRequest *request, const Job *job, gconstpointer user,
                              json_t **result, GError **error)
{
    g_auto(Reception) reception = {.listening = -1, .control = -1};
    if (!reception_open(&reception, request, job, error) || !find_owner(&reception, error) ||
        !reception_note(&reception, "begun", error) || !reception_listen(&reception, error))
        return FALSE;
    job_progress(job, -1, "receiving");
    for (gboolean done = FALSE; !done;) {
        g_autoptr(json_t) command = reception_receive(&reception, error);
        if (!command || !serve(&reception, command, &done, error))
            return FALSE;
    }
    move_place_remove(reception.offer->id);
    return TRUE;
}

/* ---- recovery ---- */

/* Whether the source has it. Asks until there is an answer: nothing may be guessed. */
static gboolean ask_source(Reception *reception, gboolean *has, GError **error)
{
    const MoveOffer *offer = reception->offer;
    for (gboolean told = FALSE;;) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(json_t) answer =
            move_route_call(&reception->route, "migration.outcome",
                            json_pack("{s:s,s:s}", "kind", guest_kind_name(offer->kind),
                                      "native", offer->native),
                            &failure);
        const char *proof = offer->mode == MOVE_LIVE ? "active" : "defined";
        *has = wire_get_boolean(answer, proof, TRUE);
        /* While its task is at work it may be about to give the guest up. */
        if (answer && !(*has && wire_get_boolean(answer, "busy", FALSE)))
            return TRUE;
        if (!told)
            job_log(reception->job, "asking %s whether %s is there: %s", offer->from,
                    offer->name, failure ? failure->message : "its task is still at work");
        told = TRUE;
        job_progress(reception->job, -1, "waiting for the other node to say where it is");
        if (!job_continue(reception->job, error)) {
            g_prefix_error(error,
                           "%s waits here, stopped, until %s says whether it has it still; ",
                           offer->name, offer->from);
            return FALSE;
        }
        g_usleep(ASK_AGAIN_US);
    }
}

/* Shuts the door and waits until all who came in through it have gone, and libvirt has
 * answered what they asked: what they have begun may come to be here until then. */
static gboolean shut_door(Reception *reception, GError **error)
{
    while (!move_place_shut(reception->offer->id)) {
        job_progress(reception->job, -1, "waiting for libvirt to end what was coming in");
        if (!job_continue(reception->job, error))
            return FALSE;
        g_usleep(SHUT_US);
    }
    return TRUE;
}

/* *here: something of it is. */
static gboolean look_here(Reception *reception, gboolean *here, gboolean *runs, GError **error)
{
    g_autoptr(GError) failure = NULL;
    for (int waited = 0; waited < SETTLE_SECONDS * 1000000; waited += SETTLE_US) {
        g_clear_error(&failure);
        g_autoptr(json_t) found = move_look(&reception->settings, reception->offer->kind,
                                            reception->offer->native, FALSE, &failure);
        if (found) {
            *here = wire_get_boolean(found, "defined", FALSE);
            *runs = wire_get_boolean(found, "active", FALSE) &&
                    !wire_get_boolean(found, "paused", FALSE);
            return TRUE;
        }
        g_usleep(SETTLE_US);
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* libvirt ends by itself what was coming in when the connection breaks. Whichever of the two
 * is later finds it not running, not to be undefined, locked or not there: only what is left
 * counts, so it is tried until that is nothing. */
static gboolean remove_all(Reception *reception, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)SETTLE_SECONDS * G_USEC_PER_SEC;
    for (gboolean told = FALSE;; told = TRUE) {
        g_autoptr(GError) failure = NULL;
        if (reception_guest_remove(reception, &failure) &&
            reception_unmake(reception, &failure))
            return TRUE;
        if (!told)
            job_log(reception->job, "not all of it could be removed yet: %s",
                    failure ? failure->message : "it is not said why");
        if (g_get_monotonic_time() > deadline) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        g_usleep(SETTLE_US);
    }
}

static gboolean take_back(Reception *reception, char **outcome, GError **error)
{
    if (!remove_all(reception, error))
        return FALSE;
    *outcome = g_strdup_printf("%s stays on %s; nothing of it is left here",
                               reception->offer->name, reception->offer->from);
    return TRUE;
}

static gboolean keep_here(Reception *reception, gboolean run, char **outcome, GError **error)
{
    if (!reception_guest_run(reception, run, error))
        return FALSE;
    *outcome = g_strdup_printf("%s is on this node now%s", reception->offer->name,
                               run ? ", and runs" : "");
    return TRUE;
}

static gboolean settle(Reception *reception, char **outcome, GError **error)
{
    gboolean here = FALSE, runs = FALSE, has = TRUE;
    const MoveOffer *offer = reception->offer;
    gboolean committed = strcmp(wire_get_string(reception->note, "step", ""), "committed") == 0;
    if ((!committed && !shut_door(reception, error)) ||
        !look_here(reception, &here, &runs, error))
        return FALSE;
    if (here && committed)
        return keep_here(reception, wire_get_boolean(reception->note, "run", FALSE), outcome,
                         error);
    if (here && !ask_source(reception, &has, error))
        return FALSE;
    gboolean run = offer->mode == MOVE_RESTART || (offer->mode == MOVE_LIVE && !offer->paused);
    return here && !has ? keep_here(reception, run, outcome, error)
                        : take_back(reception, outcome, error);
}

static gboolean recover_reception(const TaskRequest *request, const json_t *note,
                                  const Job *job, gconstpointer user, char **outcome,
                                  GError **error)
{
    g_auto(Reception) reception = {.listening = -1, .control = -1};
    if (!reception_open(&reception, request, job, error))
        return FALSE;
    reception.note = json_deep_copy(note);
    if (!settle(&reception, outcome, error))
        return FALSE;
    move_place_remove(reception.offer->id);
    return TRUE;
}

TaskHandler move_reception_handler(void)
{
    return (TaskHandler){
        .method = "migration.receive", .run = run_reception, .recover = recover_reception};
}
