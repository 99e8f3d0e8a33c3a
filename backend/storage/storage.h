/* storage/storage - where disks and images are kept, and what is there.
 *
 * Two kinds: directories that the configuration names, and libvirt's pools. Every
 * function here may hang for as long as a dead server or daemon does, so each is called
 * in a worker with a deadline, one call a storage, and the caller says "silent" of one
 * that does not answer. Nothing is kept between calls; any number may run at once.
 *
 * Names of volumes are what is on the disk: any bytes but NUL. They are fit for
 * wire_string(), not for a terminal.
 */
#pragma once

#include <glib.h>

typedef enum { STORAGE_AVAILABLE, STORAGE_INACTIVE, STORAGE_FAILED } StorageState;

/* As the fields of object.h. */
typedef struct {
    char *name;
    char *type;       /* "dir", or the kind of libvirt pool */
    char *path;       /* directory, or where the pool comes from; may be NULL */
    char *filesystem; /* type of the file system; may be NULL */
    StorageState state;
    char *reason;        /* what is wrong and what to do; NULL when all is well */
    guint64 total, used; /* bytes; both 0 when not known */
} Storage;

void storage_free(Storage *storage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Storage, storage_free)
const char *storage_state_name(StorageState state); /* "available", ... */

/* Looks at a configured directory. What is wrong with it is in the result. */
Storage *storage_measure(const char *name, const char *path);

/* libvirt's pools, but those whose directory is one of known (NULL-terminated, may be
 * NULL). Over a connection of its own. WIRE_ERROR_UNAVAILABLE. */
GPtrArray *storage_pools_read(const char *uri, const char *const *known, GError **error);
/* A pool's type and path from its XML, into a storage that keeps its other fields. Pure;
 * FALSE, and nothing is changed, when it is not that. */
gboolean storage_pool_parse(const char *xml, Storage *storage);

typedef struct {
    char *name;         /* relative to the directory: "images/a.qcow2"; or the volume's */
    const char *format; /* static; see image.h; NULL: not known */
    guint64 size;       /* bytes that a guest sees */
    guint64 allocation; /* bytes that it occupies */
    gint64 modified;    /* seconds since 1970; 0: not known */
    char *backing;      /* backing file as it stands in the image; NULL: none */
    gboolean damaged, encrypted;
} StorageVolume;

#define STORAGE_VOLUMES_MAX 10000
#define STORAGE_DEPTH_MAX   3 /* directories below the storage's that are looked into */

typedef struct {
    GPtrArray *volumes; /* of StorageVolume, by name */
    gboolean more;      /* there are more than are listed */
} StorageListing;

void storage_volume_free(StorageVolume *volume);
/* For g_ptr_array_sort(): by name. */
gint storage_volume_compare(gconstpointer a, gconstpointer b);
void storage_listing_clear(StorageListing *listing);

/* The volumes of a directory: every file in it, and in directories below those that are
 * images by content or by name. Symbolic links are not followed, other file systems not
 * entered, hidden names and containers' root file systems left out.
 * WIRE_ERROR_NOT_FOUND or WIRE_ERROR_UNAVAILABLE when it can't be opened. */
gboolean storage_volumes_read(const char *path, StorageListing *listing, GError **error);
/* The volumes of a libvirt pool, as libvirt knows them. */
gboolean storage_pool_volumes_read(const char *uri, const char *pool, StorageListing *listing,
                                   GError **error);
