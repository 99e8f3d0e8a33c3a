#include "backend/node/facts.h"

#include "backend/node/text.h"
#include "backend/proc/proc.h"

#include <string.h>

/* Kernel interfaces, and file systems in memory or made of others. */
static const char *const without_data[] = {
    "autofs",    "binfmt_misc", "bpf",         "cgroup",
    "cgroup2",   "configfs",    "debugfs",     "devpts",
    "devtmpfs",  "efivarfs",    "fusectl",     "hugetlbfs",
    "mqueue",    "nsfs",        "overlay",     "proc",
    "pstore",    "ramfs",       "rpc_pipefs",  "securityfs",
    "selinuxfs", "squashfs",    "sysfs",       "tmpfs",
    "tracefs",   "fuse.lxcfs",  "fuse.portal", "fuse.gvfsd-fuse",
    NULL};

static const char *const remote_types[] = {"nfs",  "nfs4", "cifs",      "smb3",   "smbfs",
                                           "9p",   "afs",  "ceph",      "ocfs2",  "gfs2",
                                           "coda", "fuse", "glusterfs", "lustre", NULL};

void node_mount_free(NodeMount *mount)
{
    if (!mount)
        return;
    g_free(mount->path);
    g_free(mount->source);
    g_free(mount->type);
    g_free(mount);
}

/* A word in which space, tab, newline and backslash stand as \040 and the like. */
static char *unescape(const char *word, size_t length)
{
    GString *text = g_string_sized_new(length);
    for (size_t i = 0; i < length; i++) {
        if (word[i] == '\\' && i + 3 < length && word[i + 1] >= '0' && word[i + 1] <= '3' &&
            word[i + 2] >= '0' && word[i + 2] <= '7' && word[i + 3] >= '0' &&
            word[i + 3] <= '7') {
            g_string_append_c(text, (char)((word[i + 1] - '0') * 64 + (word[i + 2] - '0') * 8 +
                                           (word[i + 3] - '0')));
            i += 3;
        } else {
            g_string_append_c(text, word[i]);
        }
    }
    return g_string_free(text, FALSE);
}

typedef struct {
    const char *at;
    size_t length;
} Word;

/* id parent major:minor root path options [tags...] - type source options */
enum { DEVICE = 2, ROOT = 3, PATH = 4, OPTIONS = 5, FIXED = 6 };

typedef struct {
    Word fixed[FIXED];
    Word type, source;
} MountLine;

static gboolean scan_mount(const char *line, MountLine *mount)
{
    for (int i = 0; i < FIXED; i++)
        if (!proc_scan_word(&line, &mount->fixed[i].at, &mount->fixed[i].length))
            return FALSE;
    Word word;
    do {
        if (!proc_scan_word(&line, &word.at, &word.length))
            return FALSE;
    } while (word.length != 1 || *word.at != '-');
    return proc_scan_word(&line, &mount->type.at, &mount->type.length) &&
           proc_scan_word(&line, &mount->source.at, &mount->source.length);
}

static gboolean is_read_only(Word options)
{
    return options.length >= 2 && memcmp(options.at, "ro", 2) == 0 &&
           (options.length == 2 || options.at[2] == ',');
}

static gboolean is_remote(const char *type)
{
    return g_strv_contains(remote_types, type) || g_str_has_prefix(type, "fuse.");
}

/* Sorts out one file system's mounts: its root before parts of it, then the shorter
 * path. */
typedef struct {
    size_t root_length;
    guint place; /* in the array */
} Seen;

static gboolean is_better(const NodeMount *mount, size_t root_length, const NodeMount *other,
                          const Seen *seen)
{
    if (root_length != seen->root_length)
        return root_length < seen->root_length;
    return strlen(mount->path) < strlen(other->path);
}

static void add_mount(GPtrArray *mounts, GHashTable *seen_by_device, const MountLine *line)
{
    g_autofree char *type = node_text_clean(line->type.at, (gssize)line->type.length);
    if (g_strv_contains(without_data, type))
        return;
    NodeMount *mount = g_new(NodeMount, 1);
    g_autofree char *source = unescape(line->source.at, line->source.length);
    *mount = (NodeMount){
        .path = unescape(line->fixed[PATH].at, line->fixed[PATH].length),
        .source = node_text_clean(source, -1),
        .remote = is_remote(type),
        .read_only = is_read_only(line->fixed[OPTIONS]),
    };
    mount->type = g_steal_pointer(&type);
    char *device = g_strndup(line->fixed[DEVICE].at, line->fixed[DEVICE].length);
    size_t root_length = line->fixed[ROOT].length;
    Seen *seen = g_hash_table_lookup(seen_by_device, device);
    if (!seen) {
        seen = g_new(Seen, 1);
        *seen = (Seen){.root_length = root_length, .place = mounts->len};
        g_hash_table_insert(seen_by_device, device, seen);
        g_ptr_array_add(mounts, mount);
        return;
    }
    g_free(device);
    if (is_better(mount, root_length, mounts->pdata[seen->place], seen)) {
        node_mount_free(mounts->pdata[seen->place]);
        mounts->pdata[seen->place] = mount;
        seen->root_length = root_length;
    } else {
        node_mount_free(mount);
    }
}

GPtrArray *node_mounts_parse(const char *text)
{
    GPtrArray *mounts = g_ptr_array_new_with_free_func((GDestroyNotify)node_mount_free);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    const char *line = text;
    do {
        MountLine mount;
        if (scan_mount(line, &mount))
            add_mount(mounts, seen, &mount);
    } while (mounts->len < NODE_MOUNTS_MAX && proc_scan_line(&line));
    return mounts;
}

GPtrArray *node_mounts_read(GError **error)
{
    ProcFile file = PROC_FILE_CLOSED;
    if (!proc_file_open(&file, "/proc/thread-self/mountinfo", error))
        return NULL;
    GPtrArray *mounts = proc_file_read(&file, error) ? node_mounts_parse(file.text) : NULL;
    proc_file_close(&file);
    return mounts;
}
