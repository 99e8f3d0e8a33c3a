#include "agent/task/guest_handlers.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

typedef struct {
    const GuestDriver *driver;
    GuestAct act;
    GPtrArray *lxc_paths;
    GuestSettings settings;
} GuestTask;

static void guest_task_clear(GuestTask *task)
{
    g_clear_pointer(&task->lxc_paths, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GuestTask, guest_task_clear)

json_t *task_guest_settings(const GuestSettings *settings)
{
    json_t *object = json_object();
    json_t *paths = json_array();
    for (size_t i = 0; settings->lxc_paths && settings->lxc_paths[i]; i++)
        json_array_append_new(paths, wire_string(settings->lxc_paths[i]));
    json_object_set_new(object, "libvirt_uri", wire_string(settings->libvirt_uri));
    json_object_set_new(object, "lxc_paths", paths);
    return object;
}

/* The strings are borrowed from the request. */
static gboolean prepare(const TaskRequest *request, gconstpointer user, GuestTask *task,
                        GError **error)
{
    GuestKind kind;
    int number;
    const char *act = strchr(request->method, '.');
    if (!guest_id_parse(request->object, &kind, &number) ||
        !guest_act_from_name(act ? act + 1 : "", &task->act)) {
        wire_error_set(error, WIRE_ERROR_INTERNAL, "%s is no act on a guest, or %s no guest",
                       request->method, request->object);
        return FALSE;
    }
    for (const GuestDriver *const *driver = user; *driver; driver++)
        if ((*driver)->kind == kind)
            task->driver = *driver;
    if (!task->driver) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "this gantryd has no driver for %s",
                       request->object);
        return FALSE;
    }
    task->lxc_paths = g_ptr_array_new();
    size_t index;
    const json_t *path;
    json_array_foreach(json_object_get(request->settings, "lxc_paths"), index,
                       path) if (json_is_string(path))
        g_ptr_array_add(task->lxc_paths, (gpointer)json_string_value(path));
    g_ptr_array_add(task->lxc_paths, NULL);
    task->settings.libvirt_uri =
        wire_get_string(request->settings, "libvirt_uri", "qemu:///system");
    task->settings.lxc_paths = (const char *const *)task->lxc_paths->pdata;
    return TRUE;
}

static gboolean run_guest(const TaskRequest *request, const Job *job, gconstpointer user,
                          json_t **result, GError **error)
{
    g_auto(GuestTask) task = {0};
    g_autoptr(GError) failure = NULL;
    if (!prepare(request, user, &task, error))
        return FALSE;
    if (task.driver->act(&task.settings, request->native, task.act, request->params, job,
                         result, &failure))
        return TRUE;
    /* The driver knows it by its native identifier only, which tells people little. */
    if (g_error_matches(failure, WIRE_ERROR, WIRE_ERROR_NOT_FOUND))
        g_prefix_error(&failure, "%s %s has gone: ", request->object, request->name);
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

static gboolean recover_guest(const TaskRequest *request, const json_t *note, const Job *job,
                              gconstpointer user, char **outcome, GError **error)
{
    g_auto(GuestTask) task = {0};
    return prepare(request, user, &task, error) &&
           task.driver->recover(&task.settings, request->native, task.act, note, job, outcome,
                                error);
}

TaskHandler task_guest_handler(const GuestDriver *const *drivers)
{
    return (TaskHandler){
        .method = "guest.", .run = run_guest, .recover = recover_guest, .user = drivers};
}
