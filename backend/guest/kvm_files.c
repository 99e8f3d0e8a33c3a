/* See inotify(7). The descriptor is one more of libvirt's event loop, which has a
 * thread already. */
#include "backend/guest/kvm_files.h"

#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    CHANGES = IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO,
    BUFFER_SIZE = 16384, /* some 50 changes */
};

struct KvmFiles {
    int descriptor, handle;
    int definitions; /* the watch on NAME.xml, in which autostart/ may appear */
    char *autostart; /* its path */
    KvmFileChanged changed;
    gpointer user;
    GDestroyNotify release;
};

static void files_free(gpointer pointer)
{
    KvmFiles *files = pointer;
    if (files->descriptor >= 0)
        close(files->descriptor);
    g_free(files->autostart);
    if (files->release)
        files->release(files->user);
    g_free(files);
}

static int watch(const KvmFiles *files, const char *path)
{
    return inotify_add_watch(files->descriptor, path, CHANGES | IN_ONLYDIR);
}

/* Tells of a file, if its name is one that libvirt gives. */
static void tell(const KvmFiles *files, const char *file)
{
    static const char *const ends[] = {".xml", ".save"};
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        if (g_str_has_suffix(file, ends[i]) && strlen(file) > strlen(ends[i])) {
            g_autofree char *name = g_strndup(file, strlen(file) - strlen(ends[i]));
            files->changed(name, files->user);
        }
}

static void handle_event(const KvmFiles *files, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        files->changed(NULL, files->user);
    } else if (event->mask & IN_ISDIR) {
        /* libvirt makes autostart/ when it first needs it; what was put there
         * before it was watched was not heard. */
        if (event->wd == files->definitions && event->mask & (IN_CREATE | IN_MOVED_TO) &&
            strcmp(event->name, "autostart") == 0 && watch(files, files->autostart) >= 0)
            files->changed(NULL, files->user);
    } else if (event->len > 0) {
        tell(files, event->name);
    }
}

static void on_readable(int handle, int descriptor, int events, void *user)
{
    _Alignas(struct inotify_event) char buffer[BUFFER_SIZE];
    ssize_t length;
    while ((length = read(descriptor, buffer, sizeof buffer)) > 0) {
        const struct inotify_event *event;
        for (const char *p = buffer; p < buffer + length; p += sizeof *event + event->len) {
            event = (const void *)p;
            handle_event(user, event);
        }
    }
}

typedef struct {
    char *definitions, *saves, *live;
} Directories;

static void directories_clear(Directories *directories)
{
    g_free(directories->definitions);
    g_free(directories->saves);
    g_free(directories->live);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Directories, directories_clear)

/* FALSE where the driver is not on this machine, or not one that keeps files so. */
static gboolean find_directories(const char *text, Directories *directories)
{
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_PARSE_RELAXED, NULL);
    if (!uri ||
        (g_strcmp0(g_uri_get_scheme(uri), "qemu") != 0 &&
         g_strcmp0(g_uri_get_scheme(uri), "qemu+unix") != 0) ||
        (g_uri_get_host(uri) && *g_uri_get_host(uri)))
        return FALSE;
    if (strcmp(g_uri_get_path(uri), "/system") == 0) {
        directories->definitions = g_strdup("/etc/libvirt/qemu");
        directories->saves = g_strdup("/var/lib/libvirt/qemu/save");
        directories->live = g_strdup("/run/libvirt/qemu");
        return TRUE;
    }
    if (strcmp(g_uri_get_path(uri), "/session") != 0)
        return FALSE;
    directories->definitions = g_build_filename(g_get_user_config_dir(), "libvirt/qemu", NULL);
    directories->saves = g_build_filename(directories->definitions, "save", NULL);
    directories->live = g_build_filename(g_get_user_runtime_dir(), "libvirt/qemu/run", NULL);
    return TRUE;
}

KvmFiles *kvm_files_watch(const char *uri, KvmFileChanged changed, gpointer user,
                          GDestroyNotify release)
{
    g_auto(Directories) directories = {0};
    KvmFiles *files = g_new0(KvmFiles, 1);
    *files = (KvmFiles){
        .descriptor = -1, .handle = -1, .changed = changed, .user = user, .release = release};
    if (find_directories(uri, &directories) &&
        (files->descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) >= 0) {
        files->autostart = g_build_filename(directories.definitions, "autostart", NULL);
        files->definitions = watch(files, directories.definitions);
        (void)watch(files, files->autostart); /* may not be there yet */
        if (files->definitions >= 0 && watch(files, directories.saves) >= 0 &&
            watch(files, directories.live) >= 0)
            files->handle = virEventAddHandle(files->descriptor, VIR_EVENT_HANDLE_READABLE,
                                              on_readable, files, files_free);
    }
    if (files->handle < 0) {
        files_free(files);
        return NULL;
    }
    return files;
}

void kvm_files_unwatch(KvmFiles *files)
{
    if (files)
        (void)virEventRemoveHandle(files->handle);
}
