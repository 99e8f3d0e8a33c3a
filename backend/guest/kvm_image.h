/* guest/kvm_image - disk image files: which file one is, and what it stands on.
 *
 * The header of a qcow2 image names its backing file; libvirt's XML of a domain
 * that does not run leaves the chain out, so it is read here. Format:
 * https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Which file a path leads to, following links. */
typedef struct {
    dev_t device;
    ino_t inode;
} KvmFile;

/* FALSE when there is no such file, or it can't be looked at. *regular (may be
 * NULL): a regular file, not a device or a directory. */
gboolean kvm_file_read(const char *path, KvmFile *file, gboolean *regular);

/* Where the name of the backing file stands in an image that begins with these
 * bytes. FALSE when it is no qcow2 image, has no backing file, or makes no sense. */
gboolean kvm_image_backing_place(const guint8 *header, size_t size, guint64 *offset,
                                 guint32 *length);

/* The path of the backing file of the image at path, absolute; NULL when it has
 * none. A backing file that is not a plain path (json:, nbd:) comes as written. */
char *kvm_image_backing(const char *path);

/* Removes the file if it is still the one that was meant. The path must be
 * absolute; its directory is opened first and the file is removed relative to
 * it. TRUE also when it is gone already. */
gboolean kvm_file_remove(const char *path, KvmFile meant, GError **error);
