#include "backend/guest/lxc_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 16384, CPUS_MAX = 8192 };

struct LxcCgroup {
    int cpu, memory, memory_stat, disk_bytes, disk_operations, freezer; /* -1: not there */
    gboolean cpu_v2, memory_v2, disk_v2, freezer_v2;
};

/* ---- pure ---- */

/* Options of a mountinfo line or a list of controllers: words with commas between. */
static gboolean has_word(const char *list, const char *word)
{
    g_auto(GStrv) words = g_strsplit(list, ",", -1);
    return g_strv_contains((const char *const *)words, word);
}

char *lxc_cgroup_find_mount(const char *mountinfo, const char *controller)
{
    g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", -1);
    for (char **line = lines; *line; line++) {
        char *separator = strstr(*line, " - ");
        if (!separator)
            continue;
        *separator = '\0';
        g_auto(GStrv) left = g_strsplit(*line, " ", -1);
        g_auto(GStrv) right = g_strsplit(separator + 3, " ", -1);
        if (g_strv_length(left) < 5 || g_strv_length(right) < 3)
            continue;
        if (controller ? g_str_equal(right[0], "cgroup") && has_word(right[2], controller)
                       : g_str_equal(right[0], "cgroup2"))
            return g_strcompress(left[4]); /* spaces are \040 there */
    }
    return NULL;
}

/* liblxc calls the container's group lxc.payload.NAME unless it is told another
 * name; what is below it, or systemd's init.scope, is the container's own doing. */
static char *cut_group(const char *group)
{
    const char *payload = strstr(group, "/lxc.payload");
    if (payload) {
        const char *end = strchr(payload + 1, '/');
        return end ? g_strndup(group, (gsize)(end - group)) : g_strdup(group);
    }
    if (g_str_has_suffix(group, "/init.scope"))
        return g_strndup(group, strlen(group) - strlen("/init.scope"));
    return g_strdup(group);
}

char *lxc_cgroup_find_group(const char *text, const char *controller)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) parts = g_strsplit(*line, ":", 3);
        if (g_strv_length(parts) != 3)
            continue;
        gboolean found = controller ? has_word(parts[1], controller)
                                    : g_str_equal(parts[0], "0") && !*parts[1];
        /* A group outside our own view of the tree begins with "/..". */
        if (found && *parts[2] == '/' && !g_str_has_prefix(parts[2], "/.."))
            return cut_group(parts[2]);
    }
    return NULL;
}

guint64 lxc_cgroup_parse_number(const char *text)
{
    g_autofree char *copy = g_strstrip(g_strdup(text));
    guint64 value;
    return g_ascii_string_to_unsigned(copy, 10, 0, G_MAXUINT64 - 1, &value, NULL)
               ? value
               : LXC_COUNTER_UNKNOWN;
}

guint64 lxc_cgroup_find_value(const char *text, const char *name)
{
    gsize length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ' &&
            g_ascii_isdigit(line[length + 1]))
            return g_ascii_strtoull(line + length + 1, NULL, 10);
    }
    return LXC_COUNTER_UNKNOWN;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

void lxc_cgroup_parse_blkio(const char *text, guint64 *reads, guint64 *writes)
{
    *reads = *writes = 0;
    for (const char *line = text; *line; line = next_line(line)) {
        const char *word = strchr(line, ' ');
        if (!word || word >= next_line(line))
            continue;
        if (g_str_has_prefix(word, " Read "))
            *reads += g_ascii_strtoull(word + 6, NULL, 10);
        else if (g_str_has_prefix(word, " Write "))
            *writes += g_ascii_strtoull(word + 7, NULL, 10);
    }
}

static guint64 io_field(const char *line, const char *end, const char *name)
{
    const char *found = g_strstr_len(line, end - line, name);
    return found ? g_ascii_strtoull(found + strlen(name), NULL, 10) : 0;
}

void lxc_cgroup_parse_io(const char *text, guint64 *read, guint64 *write, guint64 *operations)
{
    *read = *write = *operations = 0;
    for (const char *line = text; *line; line = next_line(line)) {
        const char *end = next_line(line);
        *read += io_field(line, end, " rbytes=");
        *write += io_field(line, end, " wbytes=");
        *operations += io_field(line, end, " rios=") + io_field(line, end, " wios=");
    }
}

guint64 lxc_cgroup_parse_size(const char *text)
{
    char *end = NULL;
    if (!text || !g_ascii_isdigit(*text))
        return 0;
    guint64 value = g_ascii_strtoull(text, &end, 10);
    const char *units = "KMGT", *unit = *end ? strchr(units, g_ascii_toupper(*end)) : NULL;
    if (unit) {
        int shift = 10 * (int)(unit - units + 1);
        if (value > G_MAXUINT64 >> shift)
            return 0;
        value <<= shift;
        end++;
        end += g_ascii_toupper(*end) == 'B';
    }
    /* v1 says "no limit" with the largest number of pages. */
    return *end || value >= (G_GUINT64_CONSTANT(1) << 62) ? 0 : value;
}

int lxc_cgroup_count_cpus(const char *list)
{
    int count = 0;
    g_auto(GStrv) ranges = g_strsplit(list ? list : "", ",", -1);
    for (char **range = ranges; *range; range++) {
        guint64 first, last;
        g_auto(GStrv) ends = g_strsplit(g_strstrip(*range), "-", 2);
        if (!ends[0] || !g_ascii_string_to_unsigned(ends[0], 10, 0, CPUS_MAX, &first, NULL))
            return 0;
        last = first;
        if (ends[1] && !g_ascii_string_to_unsigned(ends[1], 10, first, CPUS_MAX, &last, NULL))
            return 0;
        count += (int)(last - first) + 1;
    }
    return count;
}

/* ---- files ---- */

static char *read_mountinfo(void)
{
    char *text = NULL;
    return g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL) ? text : g_strdup("");
}

/* Mounts of control groups are made at boot: read once. */
static const char *mount_of(const char *controller)
{
    static const char *const names[] = {"cpuacct", "memory", "blkio",  "freezer",
                                        "cpu",     "pids",   "cpuset", NULL};
    static char *mounts[G_N_ELEMENTS(names)];
    static gsize done;
    if (g_once_init_enter(&done)) {
        g_autofree char *mountinfo = read_mountinfo();
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
            mounts[i] = lxc_cgroup_find_mount(mountinfo, names[i]);
        g_once_init_leave(&done, 1);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_strcmp0(names[i], controller) == 0)
            return mounts[i];
    return NULL;
}

gboolean lxc_cgroup_is_v1(const char *controller)
{
    return mount_of(controller) != NULL;
}

char *lxc_cgroup_root(void)
{
    const char *mount = mount_of("freezer");
    return g_strdup(mount ? mount : mount_of(NULL));
}

static char *directory_of(const char *groups, const char *controller)
{
    const char *mount = mount_of(controller);
    g_autofree char *group = mount ? lxc_cgroup_find_group(groups, controller) : NULL;
    return group ? g_strconcat(mount, group, NULL) : NULL;
}

static char *read_groups(pid_t init)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cgroup", (int)init);
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

char *lxc_cgroup_directory(pid_t init, const char *controller)
{
    g_autofree char *groups = read_groups(init);
    return directory_of(groups, mount_of(controller) ? controller : NULL);
}

/* Opens the file of the v1 controller, or that of v2 where the controller is not
 * in v1. *is_v2 says which it is. */
static int open_figure(const char *groups, const char *controller, const char *v1,
                       const char *v2, gboolean *is_v2)
{
    *is_v2 = !mount_of(controller);
    g_autofree char *directory = directory_of(groups, *is_v2 ? NULL : controller);
    if (!directory)
        return -1;
    g_autofree char *path = g_build_filename(directory, *is_v2 ? v2 : v1, NULL);
    return open(path, O_RDONLY | O_CLOEXEC);
}

LxcCgroup *lxc_cgroup_open(pid_t init)
{
    LxcCgroup *cgroup = g_new0(LxcCgroup, 1);
    g_autofree char *groups = read_groups(init);
    gboolean same;
    cgroup->cpu = open_figure(groups, "cpuacct", "cpuacct.usage", "cpu.stat", &cgroup->cpu_v2);
    cgroup->memory = open_figure(groups, "memory", "memory.usage_in_bytes", "memory.current",
                                 &cgroup->memory_v2);
    cgroup->memory_stat = open_figure(groups, "memory", "memory.stat", "memory.stat", &same);
    cgroup->disk_bytes =
        open_figure(groups, "blkio", "blkio.throttle.io_service_bytes_recursive", "io.stat",
                    &cgroup->disk_v2);
    cgroup->disk_operations =
        cgroup->disk_v2
            ? -1
            : open_figure(groups, "blkio", "blkio.throttle.io_serviced_recursive", "", &same);
    cgroup->freezer =
        open_figure(groups, "freezer", "freezer.state", "cgroup.events", &cgroup->freezer_v2);
    return cgroup;
}

void lxc_cgroup_free(LxcCgroup *cgroup)
{
    if (!cgroup)
        return;
    const int files[] = {cgroup->cpu,        cgroup->memory,          cgroup->memory_stat,
                         cgroup->disk_bytes, cgroup->disk_operations, cgroup->freezer};
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
        if (files[i] >= 0)
            close(files[i]);
    g_free(cgroup);
}

static gboolean read_file(int file, char *buffer)
{
    ssize_t length = file < 0 ? -1 : pread(file, buffer, FILE_MAX - 1, 0);
    if (length < 0)
        return FALSE;
    buffer[length] = '\0';
    return TRUE;
}

static void read_memory(const LxcCgroup *cgroup, char *buffer, LxcCounters *counters)
{
    if (read_file(cgroup->memory, buffer))
        counters->memory = lxc_cgroup_parse_number(buffer);
    if (read_file(cgroup->memory_stat, buffer)) {
        counters->cache = lxc_cgroup_find_value(
            buffer, cgroup->memory_v2 ? "inactive_file" : "total_inactive_file");
        counters->rss = lxc_cgroup_find_value(buffer, cgroup->memory_v2 ? "anon" : "total_rss");
    }
}

static void read_disk(const LxcCgroup *cgroup, char *buffer, LxcCounters *counters)
{
    if (!read_file(cgroup->disk_bytes, buffer))
        return;
    if (cgroup->disk_v2) {
        lxc_cgroup_parse_io(buffer, &counters->disk_read, &counters->disk_write,
                            &counters->disk_operations);
        return;
    }
    lxc_cgroup_parse_blkio(buffer, &counters->disk_read, &counters->disk_write);
    if (read_file(cgroup->disk_operations, buffer)) {
        guint64 reads, writes;
        lxc_cgroup_parse_blkio(buffer, &reads, &writes);
        counters->disk_operations = reads + writes;
    }
}

void lxc_cgroup_read(const LxcCgroup *cgroup, LxcCounters *counters)
{
    char buffer[FILE_MAX];
    *counters = (LxcCounters){
        LXC_COUNTER_UNKNOWN, LXC_COUNTER_UNKNOWN, LXC_COUNTER_UNKNOWN, LXC_COUNTER_UNKNOWN,
        LXC_COUNTER_UNKNOWN, LXC_COUNTER_UNKNOWN, LXC_COUNTER_UNKNOWN, FALSE};
    if (read_file(cgroup->cpu, buffer)) {
        counters->cpu = cgroup->cpu_v2 ? lxc_cgroup_find_value(buffer, "usage_usec")
                                       : lxc_cgroup_parse_number(buffer);
        if (cgroup->cpu_v2 && counters->cpu != LXC_COUNTER_UNKNOWN)
            counters->cpu *= 1000;
    }
    read_memory(cgroup, buffer, counters);
    read_disk(cgroup, buffer, counters);
    if (read_file(cgroup->freezer, buffer))
        counters->frozen = cgroup->freezer_v2 ? lxc_cgroup_find_value(buffer, "frozen") == 1
                                              : g_str_has_prefix(buffer, "FROZEN");
}
