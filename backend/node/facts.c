#include "backend/node/facts.h"

#include "backend/node/text.h"
#include "backend/proc/proc.h"
#include "backend/wire/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { SECTOR = 512, NAME_MAX_LENGTH = 64, DISKS_MAX = 4096 };

static char *attribute(int directory, const char *path)
{
    g_autofree char *text = proc_attribute_read(directory, path);
    if (!text)
        return NULL;
    char *clean = node_text_clean(g_strstrip(text), -1);
    if (!*clean)
        g_clear_pointer(&clean, g_free);
    return clean;
}

/* The value of "key : value" when the line is that. */
static gboolean value_of(const char *line, const char *key, const char **value, size_t *length)
{
    size_t key_length = strlen(key);
    if (strncmp(line, key, key_length) != 0)
        return FALSE;
    line += key_length;
    line += strspn(line, " \t");
    if (*line != ':')
        return FALSE;
    line += 1 + strspn(line + 1, " \t");
    *value = line;
    *length = strcspn(line, "\n");
    return TRUE;
}

void node_facts_parse_processors(const char *text, NodeFacts *facts)
{
    g_autoptr(GHashTable) sockets = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) cores = g_hash_table_new(NULL, NULL);
    guint64 socket = 0, core;
    const char *line = text, *value;
    size_t length;
    do {
        if (!facts->cpu_model && value_of(line, "model name", &value, &length)) {
            facts->cpu_model = node_text_clean(value, (gssize)length);
        } else if (value_of(line, "physical id", &value, &length)) {
            if (proc_scan_number(&value, &socket) && socket < G_MAXUINT16)
                (void)g_hash_table_add(sockets, GSIZE_TO_POINTER(socket + 1));
        } else if (value_of(line, "core id", &value, &length)) {
            if (proc_scan_number(&value, &core) && core < G_MAXUINT16 && socket < G_MAXUINT16)
                (void)g_hash_table_add(cores, GSIZE_TO_POINTER((socket << 16 | core) + 1));
        }
    } while (proc_scan_line(&line));
    facts->sockets = (int)g_hash_table_size(sockets);
    facts->cores = (int)g_hash_table_size(cores);
}

void node_facts_read(NodeFacts *facts)
{
    *facts = (NodeFacts){.threads = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    struct utsname name;
    if (uname(&name) == 0)
        facts->kernel = node_text_clean(name.release, -1);
    g_autofree char *system = g_get_os_info(G_OS_INFO_KEY_PRETTY_NAME);
    if (system)
        facts->system = node_text_clean(system, -1);
    ProcFile file = PROC_FILE_CLOSED;
    if (proc_file_open(&file, "/proc/cpuinfo", NULL) && proc_file_read(&file, NULL))
        node_facts_parse_processors(file.text, facts);
    proc_file_close(&file);
}

void node_facts_clear(NodeFacts *facts)
{
    g_free(facts->kernel);
    g_free(facts->system);
    g_free(facts->cpu_model);
    *facts = (NodeFacts){0};
}

void node_disk_free(NodeDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->name);
    g_free(disk->model);
    g_free(disk->serial);
    g_free(disk);
}

static NodeDisk *read_disk(int blocks, const char *name)
{
    int directory = openat(blocks, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return NULL;
    NodeDisk *disk = NULL;
    if (faccessat(directory, "device", F_OK, 0) == 0 &&
        proc_attribute_number(directory, "hidden", 0) == 0) {
        disk = g_new(NodeDisk, 1);
        *disk = (NodeDisk){
            .name = node_text_clean(name, -1),
            .model = attribute(directory, "device/model"),
            .serial = attribute(directory, "device/serial"),
            .size = (guint64)MAX(proc_attribute_number(directory, "size", 0), 0) * SECTOR,
            .rotational = proc_attribute_number(directory, "queue/rotational", 0) != 0,
            .removable = proc_attribute_number(directory, "removable", 0) != 0,
            .read_only = proc_attribute_number(directory, "ro", 0) != 0,
        };
        if (!disk->serial)
            disk->serial = attribute(directory, "serial"); /* virtio */
    }
    (void)close(directory);
    return disk;
}

static gint compare_disks(gconstpointer a, gconstpointer b)
{
    return strcmp((*(NodeDisk *const *)a)->name, (*(NodeDisk *const *)b)->name);
}

GPtrArray *node_disks_read(void)
{
    GPtrArray *disks = g_ptr_array_new_with_free_func((GDestroyNotify)node_disk_free);
    DIR *blocks = opendir("/sys/block");
    if (!blocks)
        return disks;
    const struct dirent *entry;
    while (disks->len < DISKS_MAX && (entry = readdir(blocks))) {
        if (entry->d_name[0] == '.')
            continue;
        NodeDisk *disk = read_disk(dirfd(blocks), entry->d_name);
        if (disk)
            g_ptr_array_add(disks, disk);
    }
    (void)closedir(blocks);
    g_ptr_array_sort(disks, compare_disks);
    return disks;
}

gboolean node_mount_measure(const char *path, NodeUse *use, GError **error)
{
    struct statvfs status;
    int result;
    do
        result = statvfs(path, &status);
    while (result < 0 && errno == EINTR);
    if (result < 0) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "can't measure %s: %s", path,
                       g_strerror(errno));
        return FALSE;
    }
    guint64 block = status.f_frsize ? status.f_frsize : status.f_bsize;
    guint64 blocks = status.f_blocks, unused = MIN((guint64)status.f_bfree, blocks);
    *use = (NodeUse){
        .total = blocks * block,
        .used = (blocks - unused) * block,
        .available = MIN((guint64)status.f_bavail, blocks) * block,
        .files = status.f_files,
        .files_used = status.f_files - MIN(status.f_ffree, status.f_files),
    };
    return TRUE;
}
