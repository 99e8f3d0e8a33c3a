/* Whether a container of another node could live here. Everything that stands in the way is
 * said at once. */
#include "backend/guest/lxc_move_check.h"

#include "backend/guest/lxc_cgroup.h"
#include "backend/guest/lxc_inspect.h"
#include "backend/guest/lxc_move.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define APPARMOR_PROFILES "/sys/kernel/security/apparmor/profiles"

/* ---- mapped ids ---- */

gboolean lxc_subids_hold(const char *subids, guint64 first, guint64 count)
{
    g_auto(GStrv) lines = g_strsplit(subids, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) fields = g_strsplit(g_strstrip(*line), ":", 4);
        guint64 start, length;
        if (g_strv_length(fields) != 3 ||
            (strcmp(fields[0], "root") != 0 && strcmp(fields[0], "0") != 0) ||
            !g_ascii_string_to_unsigned(fields[1], 10, 0, G_MAXUINT32, &start, NULL) ||
            !g_ascii_string_to_unsigned(fields[2], 10, 0, G_MAXUINT32, &length, NULL))
            continue;
        if (first >= start && first + count <= start + length)
            return TRUE;
    }
    return FALSE;
}

/* "u 0 100000 65536": kind, first id inside, first id outside, how many. */
static gboolean read_map(const char *line, char *kind, guint64 *first, guint64 *count)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 5);
    if (g_strv_length(words) != 4 || strlen(words[0]) != 1)
        return FALSE;
    *kind = *words[0];
    return g_ascii_string_to_unsigned(words[2], 10, 0, G_MAXUINT32, first, NULL) &&
           g_ascii_string_to_unsigned(words[3], 10, 1, G_MAXUINT32, count, NULL);
}

static void check_map(const char *file, const char *whose, const char *subids, guint64 first,
                      guint64 count, MoveVerdict *verdict)
{
    if (!subids || lxc_subids_hold(subids, first, count))
        return;
    g_autofree char *fix = g_strdup_printf(
        "add root:%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT " to that file", first, count);
    move_verdict_add(verdict, fix,
                     "its %s are mapped to %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                     ", which %s there does not give to root",
                     whose, first, first + count - 1, file);
}

void lxc_check_idmap(const char *lines, const char *subuid, const char *subgid,
                     MoveVerdict *verdict)
{
    g_auto(GStrv) maps = g_strsplit(lines ? lines : "", "\n", -1);
    for (char **line = maps; *line; line++) {
        char kind;
        guint64 first, count;
        if (!read_map(g_strstrip(*line), &kind, &first, &count))
            continue;
        if (kind != 'g')
            check_map("/etc/subuid", "users", subuid, first, count, verdict);
        if (kind != 'u')
            check_map("/etc/subgid", "groups", subgid, first, count, verdict);
    }
}

/* NULL where root may map what it likes. */
static char *subids(const char *program, const char *path)
{
    g_autofree char *found = g_find_program_in_path(program);
    char *text = NULL;
    if (found && !g_file_get_contents(path, &text, NULL, NULL))
        text = g_strdup("");
    return text;
}

static void check_idmap(LxcHandle *handle, MoveVerdict *verdict)
{
    g_autofree char *lines = lxc_handle_item(handle, "lxc.idmap");
    g_autofree char *subuid = subids("newuidmap", "/etc/subuid");
    g_autofree char *subgid = subids("newgidmap", "/etc/subgid");
    lxc_check_idmap(lines, subuid, subgid, verdict);
    if (lines && !g_file_test("/proc/self/ns/user", G_FILE_TEST_EXISTS))
        move_verdict_add(verdict, "run a kernel that has them there",
                         "its ids are mapped, and the kernel there has no user namespaces");
}

/* ---- what liblxc and the kernel do with it ---- */

static gboolean sets_any(const char *config, const char *prefix)
{
    g_auto(GStrv) lines = g_strsplit(config, "\n", -1);
    for (char **line = lines; *line; line++)
        if (g_str_has_prefix(g_strstrip(*line), prefix))
            return TRUE;
    return FALSE;
}

void lxc_check_cgroup(const MoveOffer *offer, gboolean v2, MoveVerdict *verdict)
{
    const char *needed = v2 ? "lxc.cgroup2." : "lxc.cgroup.";
    const char *other = v2 ? "lxc.cgroup." : "lxc.cgroup2.";
    if (offer->cgroup_v2 != v2 && sets_any(offer->definition, other) &&
        !sets_any(offer->definition, needed))
        move_verdict_add(verdict,
                         v2 ? "set its limits as lxc.cgroup2.* too"
                            : "set its limits as lxc.cgroup.* too",
                         "its limits (%s*) would not hold: control groups there are version %d",
                         other, v2 ? 2 : 1);
}

void lxc_check_apparmor(const char *profile, const char *profiles, MoveVerdict *verdict)
{
    static const char *const free_words[] = {"unconfined", "unchanged", "generated", NULL};
    if (!profile || !profiles || g_strv_contains(free_words, profile))
        return;
    g_auto(GStrv) lines = g_strsplit(profiles, "\n", -1);
    for (char **line = lines; *line; line++) {
        char *mode = strrchr(*line, '(');
        if (mode && mode > *line && mode[-1] == ' ')
            mode[-1] = '\0';
        if (strcmp(*line, profile) == 0)
            return;
    }
    move_verdict_add(verdict, "load it there: apparmor_parser -r its file in /etc/apparmor.d",
                     "its AppArmor profile %s is not loaded there", profile);
}

static void check_links(LxcHandle *handle, MoveVerdict *verdict)
{
    for (int i = 0; i < LXC_INTERFACES_MAX; i++) {
        g_autofree char *key = g_strdup_printf("lxc.net.%d.link", i);
        g_autofree char *link = lxc_handle_item(handle, key);
        g_autofree char *path = g_build_filename("/sys/class/net", link ? link : "", NULL);
        if (link && (strchr(link, '/') || !g_file_test(path, G_FILE_TEST_EXISTS)))
            move_verdict_add(verdict, "make it there, or connect it to another",
                             "there is no bridge or link %s there", link);
    }
}

/* As liblxc here reads it, with the files here that it includes. */
static void check_config(const MoveOffer *offer, MoveVerdict *verdict)
{
    g_autoptr(LxcHandle) handle = lxc_handle_try(offer->definition, NULL);
    g_autofree char *profiles = NULL;
    lxc_check_cgroup(offer, !lxc_cgroup_is_v1("memory"), verdict);
    if (!handle) {
        move_verdict_add(
            verdict,
            "update liblxc there, or take out the keys that it does not know; files that it "
            "includes must be there too",
            "liblxc there (%s, here %s) does not take its configuration", lxc_get_version(),
            offer->lxc ? offer->lxc : "?");
        return;
    }
    g_autofree char *profile = lxc_handle_item(handle, "lxc.apparmor.profile");
    (void)g_file_get_contents(APPARMOR_PROFILES, &profiles, NULL, NULL);
    lxc_check_apparmor(profile, profiles, verdict);
    check_idmap(handle, verdict);
    check_links(handle, verdict);
}

/* ---- room ---- */

static void check_room(const MoveOffer *offer, const char *path, MoveVerdict *verdict)
{
    struct statvfs room;
    guint64 need =
        offer->disks->len ? ((const MoveDisk *)offer->disks->pdata[0])->allocation : 0;
    if (statvfs(path, &room) < 0 || (guint64)room.f_bavail * room.f_frsize >= need)
        return;
    g_autofree char *want = g_format_size_full(need, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *have =
        g_format_size_full((guint64)room.f_bavail * room.f_frsize, G_FORMAT_SIZE_IEC_UNITS);
    move_verdict_add(verdict, "make room there", "it needs %s in %s, which has %s free", want,
                     path, have);
}

gboolean lxc_move_check(const GuestSettings *settings, const MoveOffer *offer,
                        MoveVerdict *verdict, GError **error)
{
    const char *path = NULL;
    g_autofree char *name = NULL, *rsync = g_find_program_in_path("rsync");
    struct stat status;
    for (guint i = 0; i < offer->disks->len; i++) {
        const MoveDisk *disk = offer->disks->pdata[i];
        move_verdict_place(verdict, disk->target, TRUE, disk->path);
    }
    if (!lxc_native_split(settings, offer->native, &path, &name, NULL)) {
        move_verdict_add(verdict, "add it to lxc.paths in gantryd.yaml there",
                         "the directory of %s is no path of containers there", offer->native);
        return TRUE;
    }
    if (lstat(offer->native, &status) == 0)
        move_verdict_add(verdict, "rename one of the two, or remove what is left there",
                         "there is a %s there already", offer->native);
    if (!rsync)
        move_verdict_add(verdict, "apt install rsync", "there is no rsync there");
    if (offer->storage)
        move_verdict_add(verdict, "leave --storage out",
                         "a container lies in its path of lxc.paths");
    check_room(offer, path, verdict);
    check_config(offer, verdict);
    return TRUE;
}
