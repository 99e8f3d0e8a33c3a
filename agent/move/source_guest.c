#include "agent/move/file.h"
#include "agent/move/place.h"
#include "agent/move/source_private.h"
#include "agent/move/tree.h"
#include "backend/guest/kvm_events.h"
#include "backend/guest/kvm_image.h"
#include "backend/guest/kvm_move.h"
#include "backend/guest/lxc_move.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COMMAND_SECONDS = 120,
    COPY_SECONDS = 3600, /* for the last answer after a copy: fsync of slow disks */
    KEEPALIVE_INTERVAL = 5,
    KEEPALIVE_COUNT = 4,
    SHUTDOWN_SECONDS = 180
};

static const GuestDriver *driver_of(const MoveSource *source)
{
    return source->kind == GUEST_KIND_CT ? &guest_driver_lxc : &guest_driver_kvm;
}

/* ---- what there is ---- */

static MoveOffer *offer_vm(MoveSource *source, MoveVerdict *verdict, GError **error)
{
    const json_t *params = source->request->params;
    const MoveWish wish = {.id = source->id,
                           .node = source->route.node,
                           .from = source->route.own,
                           .number = source->number,
                           .mode = source->mode,
                           .with_disks = wire_get_boolean(params, "with_disks", FALSE),
                           .storage = wire_get_string(params, "storage", NULL)};
    g_autoptr(KvmConnection) connection =
        kvm_connect(source->route.settings.libvirt_uri, error);
    g_autoptr(KvmDomain) domain =
        connection ? kvm_domain_find(connection, source->request->native, error) : NULL;
    return domain ? kvm_move_offer(connection, domain, &wish, verdict, error) : NULL;
}

static MoveOffer *offer_ct(MoveSource *source, MoveVerdict *verdict, GError **error)
{
    g_autofree char *storage =
        g_strdup(wire_get_string(source->request->params, "storage", NULL));
    const MoveOffer wish = {.id = source->id,
                            .number = source->number,
                            .from = (char *)(gintptr)source->route.own,
                            .storage = storage};
    return lxc_move_offer(&source->route.settings, source->request->native, &wish, source->mode,
                          verdict, error);
}

MoveOffer *move_guest_offer(MoveSource *source, MoveVerdict *verdict, GError **error)
{
    return source->kind == GUEST_KIND_CT ? offer_ct(source, verdict, error)
                                         : offer_vm(source, verdict, error);
}

/* ---- commands ---- */

static gboolean command(MoveSource *source, const char *word, const char *target, guint seconds,
                        GError **error)
{
    json_t *line = json_pack("{s:s}", "do", word);
    if (target)
        json_object_set_new(line, "target", wire_string(target));
    g_autoptr(json_t) done =
        move_command(source->control, &source->route, line, seconds, NULL, error);
    return done != NULL;
}

/* The second answer of a command that takes bytes. */
static gboolean await_answer(MoveSource *source, GError **error)
{
    g_autoptr(json_t) answer = peer_stream_receive(source->control, COPY_SECONDS, NULL, error);
    const json_t *failure = json_object_get(answer, "error");
    if (answer && !failure)
        return TRUE;
    if (failure) {
        g_clear_error(error);
        wire_error_set(error, wire_error_from_name(wire_get_string(failure, "code", "failed")),
                       "%s: %s", source->route.node,
                       wire_get_string(failure, "message", "failed"));
    }
    return FALSE;
}

/* ---- live ---- */

static gboolean migrate(MoveSource *source, KvmConnection *connection, const char *target_uri,
                        const char *memory, const char *disks, GError **error)
{
    g_autoptr(KvmConnection) target = kvm_connect(target_uri, error);
    g_autoptr(KvmDomain) domain =
        target ? kvm_domain_find(connection, source->offer->native, error) : NULL;
    if (!domain)
        return FALSE;
    (void)virConnectSetKeepAlive(target, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT);
    const KvmLiveMove move = {.source = connection,
                              .target = target,
                              .domain = domain,
                              .offer = source->offer,
                              .verdict = source->verdict,
                              .memory_socket = memory,
                              .disk_socket = disks,
                              .bandwidth = source->bandwidth,
                              .job = source->job};
    json_t *figures = NULL;
    job_progress(source->job, 10, "moving its memory");
    if (!kvm_move_live(&move, &figures, error))
        return FALSE;
    json_object_update_new(source->result, figures);
    return TRUE;
}

/* The relays live as long as libvirt needs them, and end with this process. */
static gboolean transfer_live(MoveSource *source, GError **error)
{
    const char *id = source->id, *name = source->offer->name;
    g_autofree char *memory_name = move_place_socket("memory", name);
    g_autofree char *disk_name = move_place_socket("disks", name);
    g_autofree char *memory = move_place_path(id, memory_name);
    g_autofree char *disks = move_place_path(id, disk_name);
    g_autofree char *libvirt = move_place_path(id, "libvirt");
    g_autofree char *uri = g_strconcat("qemu+unix:///system?socket=", libvirt, NULL);
    uid_t uid = 0;
    gid_t gid = 0;
    if (!kvm_events_start()) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "libvirt's event loop can't be started");
        return FALSE;
    }
    g_autoptr(KvmConnection) connection =
        kvm_connect(source->route.settings.libvirt_uri, error);
    if (!connection || !command(source, "images", NULL, COMMAND_SECONDS, error) ||
        !kvm_move_owner(connection, &uid, &gid, error) || !move_place_make(id, uid, gid, error))
        return FALSE;
    (void)virConnectSetKeepAlive(connection, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT);
    g_autoptr(PeerRelay) one = move_route_relay(&source->route, id, NULL, libvirt, 0, 0, error);
    g_autoptr(PeerRelay) two =
        one ? move_route_relay(&source->route, id, memory_name, memory, uid, gid, error) : NULL;
    g_autoptr(PeerRelay) three =
        two ? move_route_relay(&source->route, id, disk_name, disks, uid, gid, error) : NULL;
    gboolean good = three && migrate(source, connection, uri, memory, disks, error);
    return good;
}

/* ---- by files ---- */

static gboolean copy_file(MoveSource *source, const MoveDisk *disk, double from, double to,
                          GError **error)
{
    g_autofree char *name = g_strconcat("file-", disk->target, NULL);
    g_autofree char *local = move_place_path(source->id, name);
    const MoveFile file = {.path = disk->path,
                           .what = disk->target,
                           .bandwidth = source->bandwidth,
                           .from = from,
                           .to = to,
                           .job = source->job};
    guint64 bytes = 0;
    if (!command(source, "file", disk->target, COMMAND_SECONDS, error))
        return FALSE;
    g_autoptr(PeerRelay) relay =
        move_route_relay(&source->route, source->id, name, local, 0, 0, error);
    int stream = relay ? peer_socket_connect(local, error) : -1;
    if (stream < 0)
        return FALSE;
    job_log(source->job, "copying %s", disk->path);
    g_autoptr(GError) failure = NULL;
    gboolean sent = move_file_send(&file, stream, &bytes, &failure);
    (void)shutdown(stream, SHUT_WR);
    /* What the other end says of it is nearer to the cause than a broken pipe. */
    gboolean good = g_error_matches(failure, WIRE_ERROR, WIRE_ERROR_CANCELLED)
                        ? FALSE
                        : await_answer(source, error) && sent;
    (void)close(stream);
    if (!good && error && !*error)
        g_propagate_error(error, g_steal_pointer(&failure));
    json_object_set_new(
        source->result, "bytes",
        json_integer(wire_get_integer(source->result, "bytes", 0) + (json_int_t)bytes));
    return good;
}

static gboolean copy_tree(MoveSource *source, const MoveDisk *disk, const char *doing,
                          double from, double to, GError **error)
{
    g_autofree char *local = move_place_path(source->id, "tree");
    const MoveTree tree = {.path = disk->path,
                           .socket = local,
                           .bandwidth = source->bandwidth,
                           .from = from,
                           .to = to,
                           .doing = doing,
                           .job = source->job};
    if (!command(source, "tree", NULL, COMMAND_SECONDS, error))
        return FALSE;
    g_autoptr(PeerRelay) relay =
        move_route_relay(&source->route, source->id, "tree", local, 0, 0, error);
    if (!relay)
        return FALSE;
    job_log(source->job, "%s", doing);
    g_autoptr(GError) failure = NULL;
    gboolean sent = move_tree_send(&tree, &failure);
    gboolean good = g_error_matches(failure, WIRE_ERROR, WIRE_ERROR_CANCELLED)
                        ? FALSE
                        : await_answer(source, error) && sent;
    if (!good && error && !*error)
        g_propagate_error(error, g_steal_pointer(&failure));
    return good;
}

/* A container that runs is copied twice: the second time, stopped, only what differs. */
static gboolean transfer_tree(MoveSource *source, GError **error)
{
    const MoveDisk *disk = source->offer->disks->pdata[0];
    gboolean restart = source->offer->mode == MOVE_RESTART;
    if (restart && !copy_tree(source, disk, "copying its files while it runs", 10, 70, error))
        return FALSE;
    gint64 stopped = g_get_monotonic_time();
    if (restart && !move_guest_stop(source, error))
        return FALSE;
    if (!copy_tree(source, disk,
                   restart ? "copying what has changed meanwhile" : "copying its files",
                   restart ? 75 : 10, 90, error))
        return FALSE;
    if (restart)
        json_object_set_new(source->result, "stopped_at", json_integer(stopped));
    return TRUE;
}

static gboolean transfer_files(MoveSource *source, GError **error)
{
    guint64 total = MAX(move_verdict_bytes(source->verdict, source->offer), 1), done = 0;
    gint64 stopped = g_get_monotonic_time();
    if (source->offer->mode == MOVE_RESTART) {
        if (!move_guest_stop(source, error))
            return FALSE;
        json_object_set_new(source->result, "stopped_at", json_integer(stopped));
    }
    for (guint i = 0; i < source->offer->disks->len; i++) {
        const MoveDisk *disk = source->offer->disks->pdata[i];
        const MovePlace *place = move_verdict_find(source->verdict, disk->target);
        if (!place || !place->copy)
            continue;
        double from = 10 + 80 * (double)done / (double)total;
        done += disk->allocation;
        if (!copy_file(source, disk, from, 10 + 80 * (double)done / (double)total, error))
            return FALSE;
    }
    return TRUE;
}

gboolean move_guest_transfer(MoveSource *source, GError **error)
{
    if (source->offer->mode == MOVE_LIVE)
        return transfer_live(source, error);
    if (!move_place_make(source->id, 0, 0, error))
        return FALSE;
    gboolean copied = source->kind == GUEST_KIND_CT ? transfer_tree(source, error)
                                                    : transfer_files(source, error);
    return copied && job_continue(source->job, error) &&
           command(source, "define", NULL, COMMAND_SECONDS, error);
}

/* ---- the guest here ---- */

static gboolean act(MoveSource *source, GuestAct what, json_t *params, GError **error)
{
    g_autoptr(json_t) given = params, result = NULL;
    return driver_of(source)->act(&source->route.settings, source->request->native, what, given,
                                  source->job, &result, error);
}

gboolean move_guest_stop(MoveSource *source, GError **error)
{
    job_progress(source->job, 70, "shutting it down");
    job_log(source->job, "shutting it down");
    return act(source, GUEST_ACT_SHUTDOWN,
               json_pack("{s:i,s:s}", "timeout", SHUTDOWN_SECONDS, "then", "stop"), error);
}

gboolean move_guest_give_up(MoveSource *source, GError **error)
{
    if (source->offer->mode == MOVE_LIVE)
        return TRUE;
    if (source->kind == GUEST_KIND_CT)
        return lxc_move_hide(source->request->native, error);
    g_autoptr(KvmConnection) connection =
        kvm_connect(source->route.settings.libvirt_uri, error);
    KvmMoveState state;
    if (!connection || !kvm_move_state(connection, source->request->native, &state, error))
        return FALSE;
    if (state.active) {
        wire_error_set(error, WIRE_ERROR_CONFLICT,
                       "%s was started while it was being moved: it stays here",
                       source->request->name);
        return FALSE;
    }
    return kvm_move_remove(connection, source->request->native, error);
}

gboolean move_guest_take_back(MoveSource *source, GError **error)
{
    if (source->kind == GUEST_KIND_CT)
        return lxc_move_show(source->request->native, error);
    g_autoptr(KvmConnection) connection =
        kvm_connect(source->route.settings.libvirt_uri, error);
    KvmMoveState state;
    if (!connection || !kvm_move_state(connection, source->request->native, &state, error))
        return FALSE;
    return state.defined ||
           kvm_move_define(connection, wire_get_string(source->note, "definition", ""),
                           wire_get_boolean(source->note, "autostart", FALSE), error);
}

gboolean move_guest_go_on(MoveSource *source, const char *mode, gboolean paused, GError **error)
{
    KvmMoveState state = {0};
    gboolean live = strcmp(mode, "live") == 0, restart = strcmp(mode, "restart") == 0;
    if (source->kind == GUEST_KIND_CT) {
        (void)lxc_move_exists(&source->route.settings, source->request->native, &state.active);
    } else {
        g_autoptr(KvmConnection) connection =
            kvm_connect(source->route.settings.libvirt_uri, error);
        if (!connection || !kvm_move_state(connection, source->request->native, &state, error))
            return FALSE;
        if (live && state.active && state.paused && !paused)
            return kvm_move_resume(connection, source->request->native, error);
    }
    return !restart || state.active || act(source, GUEST_ACT_START, json_object(), error);
}

void move_guest_clear(const MoveSource *source, const json_t *note)
{
    const json_t *files = json_object_get(note, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *entry = json_array_get(files, i);
        const char *path = wire_get_string(entry, "path", "");
        g_autoptr(GError) error = NULL;
        KvmFile meant = {(dev_t)wire_get_integer(entry, "device", 0),
                         (ino_t)wire_get_integer(entry, "inode", 0)};
        if (*path == '/' && kvm_file_remove(path, meant, &error))
            job_log(source->job, "removed %s, which is on %s now", path, source->route.node);
        else if (error)
            job_log(source->job, "%s", error->message);
    }
    g_autoptr(GError) error = NULL;
    if (source->kind == GUEST_KIND_CT && !lxc_move_remove(source->request->native, &error))
        job_log(source->job, "%s", error->message);
}
