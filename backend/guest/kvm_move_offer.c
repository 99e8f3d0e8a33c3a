/* What there is of a domain, and what at its own node stands in the way of moving it. */
#include "backend/guest/kvm_image.h"
#include "backend/guest/kvm_move.h"
#include "backend/guest/kvm_usage.h"
#include "backend/wire/message.h"

#include <string.h>
#include <sys/stat.h>

typedef struct {
    KvmConnection *connection;
    KvmDomain *domain;
    const MoveWish *wish;
    MoveOffer *offer;
    MoveVerdict *verdict;
    KvmXml *xml; /* of what runs, else as saved */
} Offering;

static char *definition(KvmDomain *domain, unsigned flags, GError **error)
{
    char *text = virDomainGetXMLDesc(domain, flags);
    char *copy = g_strdup(text);
    if (!text)
        kvm_domain_error_set(error, domain, "the definition of ", "can't be read");
    free(text);
    return copy;
}

static void add_sizes(const Offering *work, MoveDisk *disk)
{
    virDomainBlockInfo info;
    struct stat status;
    if (virDomainGetBlockInfo(work->domain, disk->target, &info, 0) == 0) {
        disk->size = info.capacity;
        disk->allocation = MIN(info.allocation, info.physical);
    }
    if (stat(disk->path, &status) == 0 && S_ISREG(status.st_mode)) {
        disk->allocation = (guint64)status.st_blocks * 512;
        if (!disk->size)
            disk->size = (guint64)status.st_size;
    }
}

static void offer_file(const Offering *work, const char *target, const char *path,
                       const char *format, gboolean readonly)
{
    MoveDisk *disk = move_offer_add_disk(work->offer);
    disk->target = g_strdup(target);
    disk->path = g_strdup(path);
    disk->format = g_strdup(format ? format : "raw");
    disk->readonly = readonly;
    add_sizes(work, disk);
}

static void look_at_disk(const Offering *work, const KvmXmlDisk *disk)
{
    gboolean file = TRUE;
    g_autofree char *path = kvm_disk_path(work->connection, disk, &file);
    gboolean readonly = disk->readonly || strcmp(disk->device, "disk") != 0;
    if (!path && readonly)
        return; /* an empty drive */
    if (g_strcmp0(disk->type, "network") == 0)
        return; /* every node that can reach it has it */
    if (!path || !file || !disk->target ||
        (g_strcmp0(disk->type, "file") != 0 && g_strcmp0(disk->type, "volume") != 0)) {
        move_verdict_add(work->verdict, "convert it to an image file, or take it out",
                         "disk %s is no file but of type %s", disk->target ? disk->target : "?",
                         disk->type ? disk->type : "?");
        return;
    }
    offer_file(work, disk->target, path, disk->format, readonly);
    g_autofree char *backing =
        work->offer->mode != MOVE_LIVE && !readonly ? kvm_image_backing(path) : NULL;
    if (backing && work->offer->with_disks)
        move_verdict_add(work->verdict, "move it live, which makes one image of both",
                         "disk %s stands on another image, %s", disk->target, backing);
}

/* Everything below <devices> that is of this node and no other. */
static void look_at_devices(const Offering *work)
{
    static const struct {
        const char *element, *what, *fix;
        gboolean live_only;
    } local[] = {
        {"hostdev", "a device of this node is passed through to it",
         "detach it, or use a virtual one", FALSE},
        {"shmem", "it shares memory with programs of this node", "take the shmem device out",
         TRUE},
        {"filesystem", "it shares a directory of this node", "take the filesystem device out",
         TRUE},
    };
    const xmlNode *devices = kvm_xml_child(kvm_xml_root(work->xml), "devices");
    for (size_t i = 0; i < G_N_ELEMENTS(local); i++)
        if (kvm_xml_child(devices, local[i].element) &&
            (!local[i].live_only || work->offer->mode == MOVE_LIVE))
            move_verdict_add(work->verdict, local[i].fix, "%s", local[i].what);
    const xmlNode *interface = kvm_xml_child(devices, "interface");
    for (; interface; interface = kvm_xml_next(interface))
        if (g_strcmp0(kvm_xml_attribute(interface, "type"), "hostdev") == 0)
            move_verdict_add(work->verdict, "use a virtual network card",
                             "a network card of this node is passed through to it");
    if (kvm_xml_child(devices, "tpm") && work->offer->mode != MOVE_LIVE)
        move_verdict_add(work->verdict, "move it while it runs",
                         "its TPM's state can't be copied while it is off");
}

static void look_at_nvram(const Offering *work)
{
    const xmlNode *os = kvm_xml_child(kvm_xml_root(work->xml), "os");
    const char *path = kvm_xml_text(kvm_xml_child(os, "nvram"));
    if (path && work->offer->mode != MOVE_LIVE && g_file_test(path, G_FILE_TEST_EXISTS))
        offer_file(work, "nvram", path, "raw", FALSE);
}

static void look_at_past(const Offering *work)
{
    int snapshots = virDomainSnapshotNum(work->domain, 0);
    if (snapshots > 0)
        move_verdict_add(work->verdict, "delete them first",
                         "it has %d snapshot%s, which libvirt does not move", snapshots,
                         snapshots == 1 ? "" : "s");
    if (virDomainHasManagedSaveImage(work->domain, 0) == 1)
        move_verdict_add(work->verdict, "start it, or discard what was saved",
                         "its memory is saved on this node");
    int checkpoints = virDomainListAllCheckpoints(work->domain, NULL, 0);
    if (checkpoints > 0)
        move_verdict_add(work->verdict, "the next backup will be a full one: delete them first",
                         "it has %d checkpoint%s of backups, which libvirt does not move",
                         checkpoints, checkpoints == 1 ? "" : "s");
}

static gboolean choose_mode(const Offering *work, const KvmMoveState *state, GError **error)
{
    MoveOffer *offer = work->offer;
    if (work->wish->mode >= 0)
        offer->mode = (MoveMode)work->wish->mode;
    else
        offer->mode = state->active ? MOVE_LIVE : MOVE_OFFLINE;
    offer->paused = state->active && state->paused;
    if (state->active != (offer->mode != MOVE_OFFLINE))
        move_verdict_add(work->verdict,
                         state->active ? "shut it down, or move it live or by restart"
                                       : "move it offline",
                         state->active ? "it is running" : "it is not running");
    if (!offer->persistent && offer->mode != MOVE_LIVE)
        move_verdict_add(work->verdict, "move it live, or define it",
                         "it has no saved definition and would be gone when it stops");
    return TRUE;
}

static void read_versions(const Offering *work)
{
    unsigned long libvirt = 0, qemu = 0;
    if (virConnectGetLibVersion(work->connection, &libvirt) == 0)
        work->offer->libvirt = libvirt;
    if (virConnectGetVersion(work->connection, &qemu) == 0)
        work->offer->qemu = qemu;
}

static gboolean read_domain(Offering *work, GError **error)
{
    MoveOffer *offer = work->offer;
    char native[VIR_UUID_STRING_BUFLEN];
    KvmMoveState state;
    int autostart = 0;
    if (virDomainGetUUIDString(work->domain, native) < 0) {
        kvm_error_set(error, "the domain's UUID can't be read");
        return FALSE;
    }
    offer->native = g_strdup(native);
    offer->name = g_strdup(virDomainGetName(work->domain));
    offer->persistent = virDomainIsPersistent(work->domain) == 1;
    if (offer->persistent && virDomainGetAutostart(work->domain, &autostart) == 0)
        offer->autostart = autostart != 0;
    if (!kvm_move_state(work->connection, native, &state, error) ||
        !choose_mode(work, &state, error))
        return FALSE;
    unsigned secure = VIR_DOMAIN_XML_SECURE;
    offer->definition = definition(
        work->domain, secure | (offer->persistent ? VIR_DOMAIN_XML_INACTIVE : 0), error);
    if (offer->mode == MOVE_LIVE)
        offer->live = offer->definition && state.active
                          ? definition(work->domain, secure | VIR_DOMAIN_XML_MIGRATABLE, error)
                          : NULL;
    work->xml = kvm_domain_xml(
        work->domain, state.active && offer->mode == MOVE_LIVE ? 0 : VIR_DOMAIN_XML_INACTIVE,
        error);
    return offer->definition && work->xml;
}

MoveOffer *kvm_move_offer(KvmConnection *connection, KvmDomain *domain, const MoveWish *wish,
                          MoveVerdict *verdict, GError **error)
{
    g_autoptr(MoveOffer) offer = move_offer_new();
    Offering work = {connection, domain, wish, offer, verdict, NULL};
    offer->kind = GUEST_KIND_VM;
    offer->id = g_strdup(wish->id);
    offer->number = wish->number;
    offer->from = g_strdup(wish->from);
    offer->with_disks = wish->with_disks;
    offer->storage = g_strdup(wish->storage);
    if (!read_domain(&work, error))
        return NULL;
    guint64 memory;
    g_autoptr(KvmXml) xml = work.xml;
    if (offer->mode != MOVE_OFFLINE &&
        kvm_xml_bytes(kvm_xml_child(kvm_xml_root(xml), "memory"), &memory))
        offer->memory = memory;
    g_autoptr(GPtrArray) disks = kvm_xml_disks(xml);
    for (guint i = 0; i < disks->len && i < MOVE_DISKS_MAX - 1; i++)
        look_at_disk(&work, disks->pdata[i]);
    read_versions(&work);
    look_at_nvram(&work);
    look_at_devices(&work);
    look_at_past(&work);
    return g_steal_pointer(&offer);
}
