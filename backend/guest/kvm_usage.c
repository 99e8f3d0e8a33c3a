#include "backend/guest/kvm_usage.h"

#include <string.h>

enum { CHAIN_MAX = 64 };

struct KvmUsage {
    GHashTable *paths; /* path to whom */
    GHashTable *files; /* "device:inode" to whom */
    GHashTable *odd;   /* backing names that are no plain path, to whom */
};

static char *file_key(KvmFile file)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)file.device,
                           (guint64)file.inode);
}

static KvmUsage *usage_new(void)
{
    KvmUsage *usage = g_new0(KvmUsage, 1);
    usage->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    usage->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    usage->odd = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return usage;
}

void kvm_usage_free(KvmUsage *usage)
{
    if (!usage)
        return;
    g_hash_table_unref(usage->paths);
    g_hash_table_unref(usage->files);
    g_hash_table_unref(usage->odd);
    g_free(usage);
}

char *kvm_disk_path(KvmConnection *connection, const KvmXmlDisk *disk, gboolean *file_volume)
{
    if (disk->path || !disk->pool || !disk->volume)
        return g_strdup(disk->path);
    virStoragePoolPtr pool = virStoragePoolLookupByName(connection, disk->pool);
    virStorageVolPtr volume = pool ? virStorageVolLookupByName(pool, disk->volume) : NULL;
    char *found = volume ? virStorageVolGetPath(volume) : NULL;
    virStorageVolInfo info;
    if (file_volume)
        *file_volume = found && virStorageVolGetInfo(volume, &info) == 0 &&
                       info.type == VIR_STORAGE_VOL_FILE;
    char *path = g_strdup(found);
    free(found);
    if (volume)
        (void)virStorageVolFree(volume);
    if (pool)
        (void)virStoragePoolFree(pool);
    return path;
}

static void add_path(KvmUsage *usage, const char *path, const char *whom)
{
    KvmFile file;
    if (*path != '/') {
        g_hash_table_insert(usage->odd, g_strdup(path), g_strdup(whom));
        return;
    }
    g_hash_table_insert(usage->paths, g_strdup(path), g_strdup(whom));
    if (kvm_file_read(path, &file, NULL))
        g_hash_table_insert(usage->files, file_key(file), g_strdup(whom));
}

/* A path and what its image headers say that it stands on. */
static void add_chain(KvmUsage *usage, const char *path, const char *whom)
{
    g_autofree char *next = g_strdup(path);
    for (int depth = 0; next && depth < CHAIN_MAX; depth++) {
        add_path(usage, next, whom);
        char *below = *next == '/' ? kvm_image_backing(next) : NULL;
        g_free(next);
        next = below;
    }
}

void kvm_usage_add(KvmUsage *usage, KvmConnection *connection, const KvmXmlDisk *disk,
                   const char *whom)
{
    g_autofree char *path = kvm_disk_path(connection, disk, NULL);
    if (path)
        add_chain(usage, path, whom);
    for (guint i = 0; i < disk->backing->len; i++)
        add_chain(usage, disk->backing->pdata[i], whom);
}

static gboolean add_domain(KvmUsage *usage, KvmConnection *connection, KvmDomain *domain,
                           unsigned flags, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(KvmXml) xml = kvm_domain_xml(domain, flags, &failure);
    if (!xml) {
        /* One that has just gone uses nothing any more. */
        if (g_error_matches(failure, WIRE_ERROR, WIRE_ERROR_NOT_FOUND))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_autofree char *whom = g_strdup_printf("vm %s", virDomainGetName(domain));
    g_autoptr(GPtrArray) disks = kvm_xml_disks(xml);
    for (guint i = 0; i < disks->len; i++)
        kvm_usage_add(usage, connection, disks->pdata[i], whom);
    return TRUE;
}

KvmUsage *kvm_usage_read(KvmConnection *connection, const char *except, GError **error)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(connection, &domains, 0);
    if (count < 0) {
        kvm_error_set(error, "the domains can't be listed");
        return NULL;
    }
    gboolean good = TRUE;
    KvmUsage *usage = usage_new();
    for (int i = 0; i < count; i++) {
        char native[VIR_UUID_STRING_BUFLEN] = "";
        (void)virDomainGetUUIDString(domains[i], native);
        if (good && g_strcmp0(native, except) != 0)
            good = add_domain(usage, connection, domains[i], 0, error) &&
                   (virDomainIsPersistent(domains[i]) != 1 ||
                    add_domain(usage, connection, domains[i], VIR_DOMAIN_XML_INACTIVE, error));
        (void)virDomainFree(domains[i]);
    }
    free(domains);
    if (!good)
        g_clear_pointer(&usage, kvm_usage_free);
    return usage;
}

const char *kvm_usage_find(const KvmUsage *usage, const char *path, KvmFile file)
{
    const char *whom = g_hash_table_lookup(usage->paths, path);
    if (whom)
        return whom;
    g_autofree char *key = file_key(file);
    whom = g_hash_table_lookup(usage->files, key);
    if (whom)
        return whom;
    /* A name such as json:{...} is taken at its worst. */
    g_autofree char *base = g_path_get_basename(path);
    GHashTableIter iterator;
    gpointer name, user;
    g_hash_table_iter_init(&iterator, usage->odd);
    while (g_hash_table_iter_next(&iterator, &name, &user))
        if (strstr(name, base))
            return user;
    return NULL;
}
