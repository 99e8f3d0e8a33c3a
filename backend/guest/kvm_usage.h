/* guest/kvm_usage - who uses which disk file, over all domains of the host. */
#pragma once

#include "backend/guest/kvm.h"
#include "backend/guest/kvm_image.h"
#include "backend/guest/kvm_xml.h"

typedef struct KvmUsage KvmUsage;

/* Reads the live and the saved definition of every domain but the one named (may
 * be NULL), with the chains below their disks as far as XML and image headers
 * tell. NULL when a definition can't be read: then nothing can be said. */
KvmUsage *kvm_usage_read(KvmConnection *connection, const char *except, GError **error);
void kvm_usage_free(KvmUsage *usage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmUsage, kvm_usage_free)

/* Adds one disk and its chain, as used by whom (in words: "vm web"). */
void kvm_usage_add(KvmUsage *usage, KvmConnection *connection, const KvmXmlDisk *disk,
                   const char *whom);

/* Who uses the file, or NULL. Owned by usage. */
const char *kvm_usage_find(const KvmUsage *usage, const char *path, KvmFile file);

/* The path of a disk of any type that has one: a volume's is asked for. NULL when
 * it has none; *file_volume (may be NULL) is FALSE for a volume that is not a
 * file. */
char *kvm_disk_path(KvmConnection *connection, const KvmXmlDisk *disk, gboolean *file_volume);
