/* Whether a domain of another node could live here. Everything that stands in the way is
 * said at once. */
#include "backend/guest/kvm_image.h"
#include "backend/guest/kvm_move_private.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { TOKEN_MAX = 128 };

/* ---- disks ---- */

static gboolean is_shared(const MoveDisk *disk)
{
    char text[TOKEN_MAX + 1];
    int file = disk->probe ? open(disk->probe, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (file < 0)
        return FALSE;
    ssize_t got = read(file, text, TOKEN_MAX);
    (void)close(file);
    return got > 0 && (size_t)got == strlen(disk->token) &&
           memcmp(text, disk->token, (size_t)got) == 0;
}

static char *place_of(const KvmMoveCheck *check, const MoveDisk *disk)
{
    g_autofree char *base = g_path_get_basename(disk->path);
    return check->storage && !disk->readonly && strcmp(disk->target, "nvram") != 0
               ? g_build_filename(check->storage, base, NULL)
               : g_strdup(disk->path);
}

static void check_copy(const KvmMoveCheck *check, const MoveDisk *disk, const char *path)
{
    const char *from = check->offer->from;
    struct stat status;
    g_autofree char *directory = g_path_get_dirname(path);
    if (!check->offer->with_disks)
        move_verdict_add(check->verdict, "copy it, with --with-disks",
                         "disk %s (%s) is on storage that only %s has", disk->target,
                         disk->path, from);
    else if (lstat(path, &status) == 0)
        move_verdict_add(check->verdict,
                         "choose another storage with --storage, or remove the file",
                         "disk %s can't be copied: there is a %s already", disk->target, path);
    else if (stat(directory, &status) < 0 || !S_ISDIR(status.st_mode))
        move_verdict_add(check->verdict, "make the directory, or choose one with --storage",
                         "disk %s can't be copied: there is no directory %s", disk->target,
                         directory);
}

static void check_disk(const KvmMoveCheck *check, const MoveDisk *disk)
{
    struct stat status;
    if (is_shared(disk)) {
        move_verdict_place(check->verdict, disk->target, FALSE, disk->path);
        return;
    }
    if (disk->readonly) {
        move_verdict_place(check->verdict, disk->target, FALSE, disk->path);
        if (stat(disk->path, &status) < 0)
            move_verdict_add(check->verdict, "eject it, or put the same file there",
                             "the medium in %s, %s, is not there", disk->target, disk->path);
        else if (S_ISREG(status.st_mode) && disk->size && (guint64)status.st_size != disk->size)
            move_verdict_add(check->verdict, "eject it, or put the same file there",
                             "the medium in %s, %s, is another one there", disk->target,
                             disk->path);
        return;
    }
    g_autofree char *path = place_of(check, disk);
    check_copy(check, disk, path);
    move_verdict_place(check->verdict, disk->target, TRUE, path);
}

static void check_room(const KvmMoveCheck *check)
{
    g_autoptr(GHashTable) wanted =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter iterator;
    gpointer directory, bytes;
    for (guint i = 0; i < check->offer->disks->len; i++) {
        const MoveDisk *disk = check->offer->disks->pdata[i];
        const MovePlace *place = move_verdict_find(check->verdict, disk->target);
        if (!place || !place->copy)
            continue;
        char *where = g_path_get_dirname(place->path);
        guint64 *sum = g_hash_table_lookup(wanted, where);
        guint64 *total = g_new(guint64, 1);
        *total = disk->allocation + (sum ? *sum : 0);
        g_hash_table_insert(wanted, where, total);
    }
    g_hash_table_iter_init(&iterator, wanted);
    while (g_hash_table_iter_next(&iterator, &directory, &bytes)) {
        struct statvfs room;
        if (statvfs(directory, &room) < 0)
            continue; /* said already */
        guint64 left = (guint64)room.f_bavail * room.f_frsize;
        if (left >= *(guint64 *)bytes)
            continue;
        g_autofree char *need = g_format_size_full(*(guint64 *)bytes, G_FORMAT_SIZE_IEC_UNITS);
        g_autofree char *have = g_format_size_full(left, G_FORMAT_SIZE_IEC_UNITS);
        move_verdict_add(check->verdict, "choose another storage with --storage, or make room",
                         "the disks need %s in %s, which has %s free", need, (char *)directory,
                         have);
    }
}

/* ---- its memory ---- */

static void check_memory(const KvmMoveCheck *check)
{
    unsigned long long free_bytes = 0;
    g_autofree char *text = NULL;
    const char *line;
    if (!check->offer->memory)
        return;
    if (g_file_get_contents("/proc/meminfo", &text, NULL, NULL) &&
        (line = strstr(text, "MemAvailable:")))
        free_bytes = g_ascii_strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024;
    if (!free_bytes || free_bytes >= check->offer->memory)
        return;
    g_autofree char *need = g_format_size_full(check->offer->memory, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *have = g_format_size_full(free_bytes, G_FORMAT_SIZE_IEC_UNITS);
    move_verdict_add(check->verdict, "stop or move others there first",
                     "it needs %s of memory, and %s are free there", need, have);
}

/* ---- the network ---- */

static void check_network(const KvmMoveCheck *check, const char *name)
{
    virNetworkPtr network = virNetworkLookupByName(check->connection, name);
    int active = network ? virNetworkIsActive(network) : 0;
    if (active != 1)
        move_verdict_add(check->verdict,
                         network ? "start it: virsh net-start" : "define it there as here",
                         network ? "the libvirt network %s is not started there"
                                 : "there is no libvirt network %s there",
                         name);
    if (network)
        (void)virNetworkFree(network);
}

static void check_networks(const KvmMoveCheck *check)
{
    const xmlNode *devices = kvm_xml_child(kvm_xml_root(check->xml), "devices");
    const xmlNode *one = kvm_xml_child(devices, "interface");
    for (; one; one = kvm_xml_next(one)) {
        const xmlNode *source = kvm_xml_child(one, "source");
        const char *bridge = kvm_xml_attribute(source, "bridge");
        const char *network = kvm_xml_attribute(source, "network");
        const char *device = kvm_xml_attribute(source, "dev");
        const char *link = bridge ? bridge : device;
        g_autofree char *path = g_build_filename("/sys/class/net", link ? link : "", NULL);
        if (network)
            check_network(check, network);
        else if (link && (strchr(link, '/') || !g_file_test(path, G_FILE_TEST_EXISTS)))
            move_verdict_add(check->verdict, "make it there, or connect it to another",
                             bridge ? "there is no bridge %s there"
                                    : "there is no network link %s there",
                             link);
    }
}

/* ---- who is there already ---- */

static void check_names(const KvmMoveCheck *check)
{
    virDomainPtr same = virDomainLookupByUUIDString(check->connection, check->offer->native);
    virDomainPtr named = virDomainLookupByName(check->connection, check->offer->name);
    if (same)
        move_verdict_add(check->verdict, "remove that definition, if it is a copy left over",
                         "libvirt there has a domain with its UUID (%s)",
                         virDomainGetName(same));
    else if (named)
        move_verdict_add(check->verdict, "rename one of the two",
                         "libvirt there has another domain named %s", check->offer->name);
    if (same)
        (void)virDomainFree(same);
    if (named)
        (void)virDomainFree(named);
}

gboolean kvm_move_check(KvmConnection *connection, const MoveOffer *offer, const char *storage,
                        MoveVerdict *verdict, GError **error)
{
    const char *text = offer->live ? offer->live : offer->definition;
    g_autoptr(KvmXml) xml = kvm_xml_parse(text, strlen(text), error);
    KvmMoveCheck check = {connection, offer, storage, verdict, xml};
    if (!xml)
        return FALSE;
    if (offer->storage && !storage)
        move_verdict_add(verdict, "see gantry storage ls for those it has",
                         "there is no storage %s there", offer->storage);
    for (guint i = 0; i < offer->disks->len; i++)
        check_disk(&check, offer->disks->pdata[i]);
    check_room(&check);
    kvm_check_machine(&check);
    check_memory(&check);
    check_networks(&check);
    check_names(&check);
    return TRUE;
}
