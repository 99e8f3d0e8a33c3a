#include "backend/storage/storage.h"

#include "backend/wire/error.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

enum { XML_MAX = 1 << 20, POOLS_MAX = 1000 };

/* libvirt prints each error to stderr unless told otherwise. */
static void keep_silent(void *user, virErrorPtr error)
{
}

static virConnectPtr connect_to(const char *uri, GError **error)
{
    virSetErrorFunc(NULL, keep_silent);
    virConnectPtr connection = virConnectOpenReadOnly(uri);
    if (!connection)
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "libvirt at %s can't be reached: %s", uri,
                       virGetLastErrorMessage());
    return connection;
}

static const xmlNode *child(const xmlNode *node, const char *name)
{
    for (const xmlNode *at = node ? node->children : NULL; at; at = at->next)
        if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0)
            return at;
    return NULL;
}

/* Takes text of libxml2's; an empty one is NULL. */
static char *take_text(xmlChar *text)
{
    char *copy = text && *text ? g_strdup((const char *)text) : NULL;
    xmlFree(text);
    return copy;
}

static char *content(const xmlNode *node)
{
    return node ? take_text(xmlNodeGetContent(node)) : NULL;
}

/* <pool type='dir'><target><path>/x</path></target></pool>; a pool without a target
 * (rbd, gluster) comes from <source><name>. */
gboolean storage_pool_parse(const char *xml, Storage *storage)
{
    size_t length = strnlen(xml, XML_MAX + 1);
    if (length > XML_MAX)
        return FALSE;
    xmlDoc *document = xmlReadMemory(xml, (int)length, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    const xmlNode *pool = document ? xmlDocGetRootElement(document) : NULL;
    char *type = pool && strcmp((const char *)pool->name, "pool") == 0
                     ? take_text(xmlGetProp(pool, (const xmlChar *)"type"))
                     : NULL;
    if (type) {
        char *path = content(child(child(pool, "target"), "path"));
        if (!path)
            path = content(child(child(pool, "source"), "name"));
        g_free(storage->type);
        g_free(storage->path);
        storage->type = type;
        storage->path = path;
    }
    xmlFreeDoc(document);
    return type != NULL;
}

static void set_state(Storage *storage, const virStoragePoolInfo *info)
{
    switch (info->state) {
    case VIR_STORAGE_POOL_DEGRADED:
        storage->reason = g_strdup("libvirt calls the pool degraded");
        G_GNUC_FALLTHROUGH;
    case VIR_STORAGE_POOL_RUNNING:
        storage->state = STORAGE_AVAILABLE;
        storage->total = info->capacity;
        storage->used = info->allocation;
        break;
    case VIR_STORAGE_POOL_INACCESSIBLE:
        storage->state = STORAGE_FAILED;
        storage->reason = g_strdup("libvirt can't reach the pool's source");
        break;
    default:
        storage->state = STORAGE_INACTIVE;
        storage->reason =
            g_strdup_printf("the pool is not started; 'virsh pool-start %s'", storage->name);
    }
}

static Storage *read_pool(virStoragePoolPtr pool)
{
    virStoragePoolInfo info;
    const char *name = virStoragePoolGetName(pool);
    if (!name || virStoragePoolGetInfo(pool, &info) < 0)
        return NULL; /* it went away meanwhile */
    Storage *storage = g_new(Storage, 1);
    *storage = (Storage){.name = g_strdup(name)};
    char *xml = virStoragePoolGetXMLDesc(pool, 0);
    if (!xml || !storage_pool_parse(xml, storage))
        storage->type = g_strdup("pool");
    free(xml);
    set_state(storage, &info);
    return storage;
}

static gboolean is_known(const char *const *known, const char *path)
{
    return known && path && g_strv_contains(known, path);
}

GPtrArray *storage_pools_read(const char *uri, const char *const *known, GError **error)
{
    virConnectPtr connection = connect_to(uri, error);
    if (!connection)
        return NULL;
    virStoragePoolPtr *pools = NULL;
    int count = virConnectListAllStoragePools(connection, &pools, 0);
    GPtrArray *list = NULL;
    if (count < 0)
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "libvirt can't list its pools: %s",
                       virGetLastErrorMessage());
    else
        list = g_ptr_array_new_with_free_func((GDestroyNotify)storage_free);
    for (int i = 0; i < count; i++) {
        Storage *storage = i < POOLS_MAX ? read_pool(pools[i]) : NULL;
        if (storage && !is_known(known, storage->path))
            g_ptr_array_add(list, storage);
        else
            storage_free(storage);
        (void)virStoragePoolFree(pools[i]);
    }
    free(pools);
    (void)virConnectClose(connection);
    return list;
}

static void list_volumes(virStorageVolPtr *volumes, int count, StorageListing *listing)
{
    listing->volumes = g_ptr_array_new_with_free_func((GDestroyNotify)storage_volume_free);
    listing->more = count > STORAGE_VOLUMES_MAX;
    for (int i = 0; i < count; i++) {
        virStorageVolInfo info;
        const char *name = virStorageVolGetName(volumes[i]);
        if (i < STORAGE_VOLUMES_MAX && name && virStorageVolGetInfo(volumes[i], &info) == 0) {
            StorageVolume *volume = g_new(StorageVolume, 1);
            *volume = (StorageVolume){
                .name = g_strdup(name), .size = info.capacity, .allocation = info.allocation};
            g_ptr_array_add(listing->volumes, volume);
        }
        (void)virStorageVolFree(volumes[i]);
    }
    g_ptr_array_sort(listing->volumes, storage_volume_compare);
}

gboolean storage_pool_volumes_read(const char *uri, const char *name, StorageListing *listing,
                                   GError **error)
{
    virConnectPtr connection = connect_to(uri, error);
    if (!connection)
        return FALSE;
    virStoragePoolPtr pool = virStoragePoolLookupByName(connection, name);
    virStorageVolPtr *volumes = NULL;
    int count = pool ? virStoragePoolListAllVolumes(pool, &volumes, 0) : -1;
    if (count >= 0) {
        list_volumes(volumes, count, listing);
        free(volumes);
    } else {
        WireErrorCode code = virGetLastErrorCode() == VIR_ERR_NO_STORAGE_POOL
                                 ? WIRE_ERROR_NOT_FOUND
                                 : WIRE_ERROR_UNAVAILABLE;
        wire_error_set(error, code, "can't list the pool %s: %s", name,
                       virGetLastErrorMessage());
    }
    if (pool)
        (void)virStoragePoolFree(pool);
    (void)virConnectClose(connection);
    return count >= 0;
}
