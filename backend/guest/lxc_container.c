#include "backend/guest/lxc_container.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Nothing is ever here: lxc_container_new() on it loads no configuration, and so
 * neither prints to stderr nor removes half-made containers. */
#define NO_SUCH_PATH "/run/lxc/gantry"

void lxc_silence(void)
{
    static gsize done;
    if (g_once_init_enter(&done)) {
        struct lxc_log log = {.name = "gantry",
                              .file = "none",
                              .level = "ERROR",
                              .prefix = "gantry",
                              .quiet = true};
        (void)lxc_log_init(&log);
        g_once_init_leave(&done, 1);
    }
}

gboolean lxc_name_valid(const char *name)
{
    if (!name || !*name || *name == '.' || strlen(name) > LXC_NAME_LIMIT)
        return FALSE;
    for (const char *c = name; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
            return FALSE;
    return TRUE;
}

gboolean lxc_native_split(const GuestSettings *settings, const char *native, const char **path,
                          char **name, GError **error)
{
    const char *slash = native ? strrchr(native, '/') : NULL;
    for (const char *const *p = settings->lxc_paths; slash && p && *p; p++) {
        if (strlen(*p) == (size_t)(slash - native) && g_str_has_prefix(native, *p) &&
            lxc_name_valid(slash + 1)) {
            *path = *p;
            *name = g_strdup(slash + 1);
            return TRUE;
        }
    }
    wire_error_set(error, WIRE_ERROR_NOT_FOUND,
                   "container '%s' is under none of the configured container paths",
                   native ? native : "");
    return FALSE;
}

static void set_missing(GError **error, const char *path, const char *name, int code)
{
    if (code == ENOENT || code == ENOTDIR)
        wire_error_set(error, WIRE_ERROR_NOT_FOUND, "container '%s' no longer exists in %s",
                       name, path);
    else
        wire_error_set(error, WIRE_ERROR_FAILED, "container '%s' in %s could not be opened: %s",
                       name, path, g_strerror(code));
}

int lxc_directory_open(const char *path, const char *name, GError **error)
{
    int base = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int directory = base < 0 ? -1 : openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = errno;
    if (base >= 0)
        close(base);
    if (directory >= 0 && faccessat(directory, "config", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        code = errno;
        close(directory);
        directory = -1;
    }
    if (directory < 0)
        set_missing(error, path, name, code);
    return directory;
}

static LxcHandle *open_handle(const char *path, const char *name, GError **error)
{
    lxc_silence();
    g_autoptr(LxcHandle) handle = lxc_container_new(name, NO_SUCH_PATH);
    if (!handle || !handle->set_config_path(handle, path)) {
        wire_error_set(
            error, WIRE_ERROR_FAILED,
            "liblxc could not open the container '%s' in %s; it needs /run/lxc to be "
            "writable",
            name, path);
        return NULL;
    }
    if (!handle->load_config(handle, NULL)) {
        wire_error_set(error, WIRE_ERROR_CONFIG,
                       "liblxc does not accept %s/%s/config; 'lxc-info -n %s -P %s' says why",
                       path, name, name, path);
        return NULL;
    }
    return g_steal_pointer(&handle);
}

LxcHandle *lxc_handle_try(const char *config, GError **error)
{
    size_t length = strlen(config);
    int file = memfd_create("config", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", file);
    lxc_silence();
    g_autoptr(LxcHandle) handle = lxc_container_new("config", NO_SUCH_PATH);
    if (file < 0 || !handle || write(file, config, length) != (ssize_t)length) {
        wire_error_set(error, WIRE_ERROR_FAILED, "liblxc could not look at a configuration");
        g_clear_pointer(&handle, lxc_handle_free);
    } else if (!handle->load_config(handle, path)) {
        wire_error_set(error, WIRE_ERROR_CONFIG, "liblxc does not accept it");
        g_clear_pointer(&handle, lxc_handle_free);
    }
    if (file >= 0)
        (void)close(file);
    return g_steal_pointer(&handle);
}

LxcHandle *lxc_handle_open(const char *path, const char *name, GError **error)
{
    int directory = lxc_directory_open(path, name, error);
    if (directory < 0)
        return NULL;
    gboolean partial = faccessat(directory, "partial", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    close(directory);
    if (partial) {
        wire_error_set(
            error, WIRE_ERROR_STATE,
            "container '%s' is still being made; if nobody is making it, 'lxc-destroy "
            "-n %s -P %s' removes what is left",
            name, name, path);
        return NULL;
    }
    return open_handle(path, name, error);
}

char *lxc_handle_item(LxcHandle *handle, const char *key)
{
    int length = handle->get_config_item(handle, key, NULL, 0);
    if (length <= 0 || length > (int)LXC_CONFIG_LIMIT)
        return NULL;
    g_autofree char *value = g_malloc0((gsize)length + 1);
    if (handle->get_config_item(handle, key, value, length + 1) <= 0)
        return NULL;
    g_strstrip(value);
    return *value ? g_steal_pointer(&value) : NULL;
}

GuestState lxc_state_parse(const char *word)
{
    static const struct {
        const char *word;
        GuestState state;
    } states[] = {
        {"STOPPED", GUEST_STATE_STOPPED},   {"STARTING", GUEST_STATE_STARTING},
        {"RUNNING", GUEST_STATE_RUNNING},   {"STOPPING", GUEST_STATE_STOPPING},
        {"ABORTING", GUEST_STATE_STOPPING}, {"FREEZING", GUEST_STATE_RUNNING},
        {"FROZEN", GUEST_STATE_PAUSED},     {"THAWED", GUEST_STATE_RUNNING},
    };
    for (gsize i = 0; word && i < G_N_ELEMENTS(states); i++)
        if (strcmp(states[i].word, word) == 0)
            return states[i].state;
    return GUEST_STATE_UNKNOWN;
}

/* liblxc's name for a socket whose path is too long: FNV-1a, as in its commands_utils.c. */
static guint64 hash_name(const char *text)
{
    guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (guint8)*text) * G_GUINT64_CONSTANT(0x100000001b3);
    return hash;
}

gboolean lxc_monitor_listens(const char *path, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const gsize room = sizeof address.sun_path - 2;
    int length = g_snprintf(address.sun_path + 1, room, "%s/%s/command", path, name);
    if ((gsize)length >= room) {
        g_autofree char *native = g_strdup_printf("%s/%s", path, name);
        length = g_snprintf(address.sun_path + 1, room,
                            "lxc/%016" G_GINT64_MODIFIER "x/command", hash_name(native));
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return FALSE;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (gsize)length);
    int connected = connect(probe, (struct sockaddr *)&address, size);
    /* A full queue is a monitor that listens and does not answer. */
    gboolean listens = connected == 0 || errno == EAGAIN;
    close(probe);
    return listens;
}
