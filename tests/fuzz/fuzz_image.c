/* Bytes as the head of a disk image. */
#include "backend/storage/image.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    /* A buffer of just that size, so that a read past it is seen. */
    guint8 *head = g_memdup2(data, size);
    StorageImage image;
    storage_image_probe(head, MIN(size, STORAGE_IMAGE_HEAD), &image);
    g_assert_nonnull(image.format);
    g_assert_cmpuint(image.size, <=, G_MAXINT64);
    g_assert_cmpuint(strnlen(image.backing, sizeof image.backing), <, sizeof image.backing);
    g_free(head);
    return 0;
}
