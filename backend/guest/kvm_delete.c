/* Deleting a domain, and the disks that were named.
 *
 * Everything is checked before anything is changed: the domain does not run, each
 * disk to go is a writable file that nobody else uses. Then a note is made of the
 * files by path and inode, the definition is removed, the note says so, and the
 * files go. A crash in between is rolled forward from the note:
 *
 *   {"step": "undefine" or "files", "name": S,
 *    "files": [{"target": S, "path": S, "device": N, "inode": N}]}
 *
 * A file that is not the one of the note any more, or that somebody uses by then,
 * is kept; and so is a domain that runs again, or that was defined anew after the
 * note said that it was removed.
 */
#include "backend/guest/kvm_act.h"
#include "backend/guest/kvm_usage.h"

#include "backend/wire/message.h"

#include <string.h>

#define UNDEFINE_FLAGS                                                                         \
    (VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |               \
     VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)

static gboolean is_named(const json_t *names, const char *target)
{
    size_t index;
    json_t *name;
    json_array_foreach((json_t *)(gintptr)names, index, name)
    {
        if (target && g_strcmp0(json_string_value(name), target) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean is_writable_disk(const KvmXmlDisk *disk)
{
    return !disk->readonly && strcmp(disk->device, "disk") == 0;
}

/* Whether the parameters ask for this disk to be deleted. */
static gboolean is_wanted(const json_t *params, const KvmXmlDisk *disk)
{
    return is_named(json_object_get(params, "disks"), disk->target) ||
           (wire_get_boolean(params, "all_disks", FALSE) && is_writable_disk(disk));
}

static gboolean refuse(const KvmAct *act, const KvmXmlDisk *disk, GError **error,
                       const char *why)
{
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "disks",
                         "disk %s of vm %s can't be deleted: %s; name only the disks to delete",
                         disk->target ? disk->target : "without a name", act->name, why);
    return FALSE;
}

/* Adds the disk's file to files, or refuses. A file that does not exist needs no
 * deleting. */
static gboolean plan_disk(const KvmAct *act, const KvmXmlDisk *disk, json_t *files,
                          GError **error)
{
    gboolean file_volume = TRUE, regular;
    KvmFile file;
    if (!is_writable_disk(disk))
        return refuse(act, disk, error, "it is read-only or removable");
    if (g_strcmp0(disk->type, "file") != 0 && g_strcmp0(disk->type, "volume") != 0) {
        g_autofree char *why = g_strdup_printf("it is no file but of type %s",
                                               disk->type ? disk->type : "unknown");
        return refuse(act, disk, error, why);
    }
    g_autofree char *path = kvm_disk_path(act->connection, disk, &file_volume);
    if (!path && g_strcmp0(disk->type, "volume") == 0)
        return refuse(act, disk, error, "its storage pool is not active or does not have it");
    if (!path)
        return TRUE;
    if (!file_volume)
        return refuse(act, disk, error, "its volume is no file");
    char *resolved = realpath(path, NULL);
    if (!resolved || !kvm_file_read(resolved, &file, &regular)) {
        job_log(act->job, "%s: %s does not exist", disk->target, path);
        free(resolved);
        return TRUE;
    }
    if (regular)
        json_array_append_new(
            files, json_pack("{s:o, s:o, s:I, s:I}", "target", wire_string(disk->target),
                             "path", wire_string(resolved), "device", (json_int_t)file.device,
                             "inode", (json_int_t)file.inode));
    free(resolved);
    return regular || refuse(act, disk, error, "it is a device, not a file");
}

/* The files to delete: a new array; NULL when something stands against it. */
static json_t *plan(const KvmAct *act, const GPtrArray *disks, GError **error)
{
    size_t index;
    json_t *name;
    const json_t *names = json_object_get(act->params, "disks");
    json_array_foreach((json_t *)(gintptr)names, index, name)
    {
        gboolean known = FALSE;
        for (guint i = 0; i < disks->len; i++)
            known |= g_strcmp0(((const KvmXmlDisk *)disks->pdata[i])->target,
                               json_string_value(name)) == 0;
        if (!known) {
            wire_error_set_field(error, WIRE_ERROR_PARAMS, "disks", "vm %s has no disk '%s'",
                                 act->name, json_string_value(name));
            return NULL;
        }
    }
    g_autoptr(json_t) files = json_array();
    for (guint i = 0; i < disks->len; i++)
        if (is_wanted(act->params, disks->pdata[i]) &&
            !plan_disk(act, disks->pdata[i], files, error))
            return NULL;
    return g_steal_pointer(&files);
}

static KvmFile file_of(const json_t *entry)
{
    return (KvmFile){(dev_t)wire_get_integer(entry, "device", 0),
                     (ino_t)wire_get_integer(entry, "inode", 0)};
}

static gboolean nobody_uses(const KvmAct *act, const KvmUsage *usage, const json_t *files,
                            GError **error)
{
    size_t index;
    json_t *entry;
    json_array_foreach((json_t *)(gintptr)files, index, entry)
    {
        const char *path = wire_get_string(entry, "path", "");
        const char *whom = kvm_usage_find(usage, path, file_of(entry));
        if (whom) {
            wire_error_set_field(error, WIRE_ERROR_BUSY, "disks",
                                 "disk %s of vm %s can't be deleted: %s is also used by %s",
                                 wire_get_string(entry, "target", "?"), act->name, path, whom);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean undefine(const KvmAct *act, GError **error)
{
    if (virDomainUndefineFlags(act->domain, UNDEFINE_FLAGS) == 0 ||
        virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
        return TRUE;
    kvm_error_set(error, "the definition of vm %s can't be removed", act->name);
    return FALSE;
}

/* Through the pool that has it, so that the pool knows; else directly. */
static gboolean delete_file(const KvmAct *act, const json_t *entry, GError **error)
{
    const char *path = wire_get_string(entry, "path", "");
    KvmFile meant = file_of(entry), now;
    if (*path != '/') {
        wire_error_set(error, WIRE_ERROR_INTERNAL, "the note names no path");
        return FALSE;
    }
    if (kvm_file_read(path, &now, NULL) && now.device == meant.device &&
        now.inode == meant.inode) {
        virStorageVolPtr volume = virStorageVolLookupByPath(act->connection, path);
        gboolean done = volume && virStorageVolDelete(volume, 0) == 0;
        if (volume)
            (void)virStorageVolFree(volume);
        if (done)
            return TRUE;
    }
    return kvm_file_remove(path, meant, error);
}

/* Deletes what can be; a file that can't is said, and the others still go. FALSE
 * when one is left. */
static gboolean delete_files(const KvmAct *act, const json_t *files, const KvmUsage *usage,
                             GError **error)
{
    size_t index, count = json_array_size(files);
    json_t *entry;
    g_autoptr(GError) first = NULL;
    json_array_foreach((json_t *)(gintptr)files, index, entry)
    {
        g_autoptr(GError) failure = NULL;
        const char *path = wire_get_string(entry, "path", "");
        const char *whom = usage ? kvm_usage_find(usage, path, file_of(entry)) : NULL;
        job_progress(act->job, 100.0 * (double)index / (double)count, path);
        if (whom)
            wire_error_set(&failure, WIRE_ERROR_BUSY, "%s was kept: it is used by %s", path,
                           whom);
        else if (delete_file(act, entry, &failure))
            job_log(act->job, "deleted %s", path);
        if (!failure)
            continue;
        job_log(act->job, "%s", failure->message);
        if (!first)
            first = g_steal_pointer(&failure);
    }
    if (!first)
        return TRUE;
    g_propagate_prefixed_error(error, g_steal_pointer(&first),
                               "vm %s was deleted, but not all of its disks: ", act->name);
    return FALSE;
}

static json_t *note_new(const char *step, const char *name, const json_t *files)
{
    return json_pack("{s:s, s:o, s:O}", "step", step, "name", wire_string(name), "files",
                     (json_t *)(gintptr)files);
}

/* From the removal of the definition on; the note of that is made already. */
static gboolean finish(const KvmAct *act, const json_t *files, const KvmUsage *usage,
                       GError **error)
{
    if (act->domain && !undefine(act, error))
        return FALSE;
    if (act->domain)
        job_log(act->job, "removed the definition of %s", act->name);
    if (json_array_size(files)) {
        g_autoptr(json_t) note = note_new("files", act->name, files);
        if (!job_note(act->job, note, error))
            return FALSE;
    }
    gboolean good = delete_files(act, files, usage, error);
    /* What could not be deleted now will not go better by itself later. */
    return job_note(act->job, NULL, good ? error : NULL) && good;
}

gboolean kvm_act_delete(const KvmAct *act, GError **error)
{
    g_autoptr(KvmXml) xml = kvm_domain_xml(act->domain, VIR_DOMAIN_XML_INACTIVE, error);
    if (!xml)
        return FALSE;
    g_autoptr(GPtrArray) disks = kvm_xml_disks(xml);
    g_autoptr(json_t) files = plan(act, disks, error);
    if (!files)
        return FALSE;
    if (json_array_size(files)) {
        g_autoptr(KvmUsage) usage = kvm_usage_read(act->connection, act->native, error);
        if (!usage)
            return FALSE;
        for (guint i = 0; i < disks->len; i++)
            if (!is_wanted(act->params, disks->pdata[i]))
                kvm_usage_add(usage, act->connection, disks->pdata[i],
                              "another of its disks, which is kept");
        if (!nobody_uses(act, usage, files, error))
            return FALSE;
    }
    g_autoptr(json_t) note = note_new("undefine", act->name, files);
    return job_continue(act->job, error) && kvm_act_permitted(act, error) &&
           job_note(act->job, note, error) && finish(act, files, NULL, error);
}

/* What becomes of the domain in recovery: TRUE when it is to be removed. */
static gboolean is_still_to_go(const KvmAct *act, const char *step, char **outcome)
{
    if (virDomainIsActive(act->domain) == 1) {
        *outcome = g_strdup_printf("vm %s was not deleted: it runs again", act->name);
        return FALSE;
    }
    if (strcmp(step, "undefine") != 0) {
        *outcome = g_strdup_printf("vm %s was defined anew since, it was kept", act->name);
        return FALSE;
    }
    return TRUE;
}

gboolean kvm_delete_recover(const KvmAct *act, char **outcome, GError **error)
{
    const char *step = wire_get_string(act->params, "step", NULL);
    const json_t *files = json_object_get(act->params, "files");
    if (!step || !json_is_array(files)) {
        wire_error_set(error, WIRE_ERROR_INTERNAL, "no note of a deletion");
        return FALSE;
    }
    g_autofree char *text = NULL;
    if (!act->domain || is_still_to_go(act, step, &text)) {
        g_autoptr(KvmUsage) usage = kvm_usage_read(act->connection, act->native, error);
        if (!usage || !finish(act, files, usage, error))
            return FALSE;
        text = g_strdup_printf("the deletion of vm %s was finished", act->name);
    } else if (!job_note(act->job, NULL, error)) {
        return FALSE;
    }
    *outcome = g_steal_pointer(&text);
    return TRUE;
}
