/* storage/image - what a disk image says of itself in its first bytes.
 *
 * Pure, and made for bytes that a guest may have written: nothing is believed beyond
 * its stated limits. Formats: qcow2 docs/interop/qcow2.txt, qed docs/interop/qed_spec.txt
 * and the headers of block/vmdk.c, vdi.c, vpc.c and vhdx.c in QEMU; LUKS on-disk format;
 * ECMA-119 for ISO images.
 */
#pragma once

#include <glib.h>

/* How much of a file storage_image_probe() wants: an ISO image says so at 32 KiB. */
#define STORAGE_IMAGE_HEAD  33280
#define STORAGE_BACKING_MAX 1023 /* bytes of a backing file's name, as in QEMU */

typedef struct {
    const char *format; /* static: "qcow2", "raw", ... raw: nothing is recognised */
    guint64 size;       /* bytes that the guest sees; 0: as long as the file */
    char backing[STORAGE_BACKING_MAX + 1]; /* bytes as they stand; "": none */
    gboolean damaged; /* the header contradicts itself, or is marked corrupt */
    gboolean encrypted;
} StorageImage;

/* head is the file's first bytes, at most STORAGE_IMAGE_HEAD of them; fewer only where
 * the file is shorter. */
void storage_image_probe(const guint8 *head, size_t length, StorageImage *image);
