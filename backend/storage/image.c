#include "backend/storage/image.h"

#include <string.h>

enum {
    SECTOR = 512,
    QCOW_CLUSTER_BITS_MIN = 9,
    QCOW_CLUSTER_BITS_MAX = 21,
    QCOW2_HEADER = 72,
    QCOW3_HEADER = 104,
    QCOW_INCOMPATIBLE_CORRUPT = 1 << 1,
};

/* A number at a place; 0 past the end. */
static guint64 number_at(const guint8 *head, size_t length, size_t at, size_t size,
                         gboolean big_endian)
{
    guint64 number = 0;
    if (at > length || length - at < size)
        return 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | head[at + (big_endian ? i : size - 1 - i)];
    return number;
}

static guint64 big(const guint8 *head, size_t length, size_t at, size_t size)
{
    return number_at(head, length, at, size, TRUE);
}

static guint64 little(const guint8 *head, size_t length, size_t at, size_t size)
{
    return number_at(head, length, at, size, FALSE);
}

static void set_size(StorageImage *image, guint64 size)
{
    if (size > G_MAXINT64)
        image->damaged = TRUE;
    else
        image->size = size;
}

/* The name lies in the first cluster, which may end past what is at hand; then it is
 * not known, and the image is not called damaged for it. */
static void read_backing(const guint8 *head, size_t length, StorageImage *image,
                         guint64 first_cluster)
{
    guint64 at = big(head, length, 8, 8), size = big(head, length, 16, 4);
    if (at == 0 || size == 0)
        return;
    if (size > STORAGE_BACKING_MAX || at > first_cluster || first_cluster - at < size) {
        image->damaged = TRUE;
        return;
    }
    if (at > length || length - at < size)
        return;
    memcpy(image->backing, head + at, size);
    image->backing[size] = '\0';
}

static void probe_qcow(const guint8 *head, size_t length, StorageImage *image)
{
    guint64 version = big(head, length, 4, 4);
    if (version == 1) {
        image->format = "qcow";
        set_size(image, big(head, length, 24, 8));
        image->encrypted = big(head, length, 36, 4) != 0;
        read_backing(head, length, image, STORAGE_IMAGE_HEAD);
        return;
    }
    image->format = "qcow2";
    guint64 cluster_bits = big(head, length, 20, 4);
    if ((version != 2 && version != 3) || cluster_bits < QCOW_CLUSTER_BITS_MIN ||
        cluster_bits > QCOW_CLUSTER_BITS_MAX ||
        length < (version == 2 ? QCOW2_HEADER : QCOW3_HEADER)) {
        image->damaged = TRUE;
        return;
    }
    if (version == 3 && big(head, length, 72, 8) & QCOW_INCOMPATIBLE_CORRUPT)
        image->damaged = TRUE;
    set_size(image, big(head, length, 24, 8));
    image->encrypted = big(head, length, 32, 4) != 0;
    read_backing(head, length, image, (guint64)1 << cluster_bits);
}

static void probe_vmdk(const guint8 *head, size_t length, StorageImage *image)
{
    guint64 sectors = little(head, length, 12, 8);
    image->format = "vmdk";
    if (sectors > G_MAXINT64 / SECTOR)
        image->damaged = TRUE;
    else
        image->size = sectors * SECTOR;
}

static void probe_vdi(const guint8 *head, size_t length, StorageImage *image)
{
    image->format = "vdi";
    set_size(image, little(head, length, 368, 8));
}

static void probe_vpc(const guint8 *head, size_t length, StorageImage *image)
{
    image->format = "vpc";
    set_size(image, big(head, length, 48, 8));
}

static void probe_qed(const guint8 *head, size_t length, StorageImage *image)
{
    image->format = "qed";
    set_size(image, little(head, length, 48, 8));
}

static void probe_luks(const guint8 *head, size_t length, StorageImage *image)
{
    image->format = "luks";
    image->encrypted = TRUE;
}

static const struct {
    const char *magic;
    size_t length, at;
    const char *format; /* when nothing more is to be read */
    void (*probe)(const guint8 *head, size_t length, StorageImage *image);
} formats[] = {
    {"QFI\xfb", 4, 0, NULL, probe_qcow},
    {"KDMV", 4, 0, NULL, probe_vmdk},
    {"# Disk DescriptorFile", 21, 0, "vmdk", NULL},
    {"\x7f\x10\xda\xbe", 4, 64, NULL, probe_vdi},
    {"vhdxfile", 8, 0, "vhdx", NULL},
    {"conectix", 8, 0, NULL, probe_vpc},
    {"QED\0", 4, 0, NULL, probe_qed},
    {"LUKS\xba\xbe", 6, 0, NULL, probe_luks},
    {"CD001", 5, 32769, "iso", NULL},
    {"VMA\0", 4, 0, "vma", NULL},
    {"\x28\xb5\x2f\xfd", 4, 0, "zstd", NULL},
    {"\x1f\x8b\x08", 3, 0, "gzip", NULL},
    {"\xfd\x37zXZ\0", 6, 0, "xz", NULL},
};

void storage_image_probe(const guint8 *head, size_t length, StorageImage *image)
{
    *image = (StorageImage){.format = "raw"};
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (length < formats[i].at + formats[i].length ||
            memcmp(head + formats[i].at, formats[i].magic, formats[i].length) != 0)
            continue;
        if (formats[i].probe)
            formats[i].probe(head, length, image);
        else
            image->format = formats[i].format;
        return;
    }
}
