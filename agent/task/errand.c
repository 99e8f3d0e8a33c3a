#include "agent/task/engine_private.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

Errand *errand_new(TaskEngine *engine, const char *id, void (*run)(Errand *),
                   void (*done)(Errand *))
{
    Errand *errand = g_new0(Errand, 1);
    errand->engine = engine_ref(engine);
    errand->id = g_strdup(id);
    errand->run = run;
    errand->done = done;
    errand->pidfd = -1;
    errand->watch = -1;
    errand->sight.pidfd = -1;
    return errand;
}

static void errand_free(gpointer data)
{
    Errand *errand = data;
    if (errand->pidfd >= 0)
        (void)close(errand->pidfd);
    task_sight_clear(&errand->sight);
    json_decref(errand->request);
    g_clear_pointer(&errand->ids, g_hash_table_unref);
    g_clear_error(&errand->error);
    g_free(errand->text);
    g_free(errand->id);
    engine_unref(errand->engine);
    g_free(errand);
}

static gboolean tell_done(gpointer data)
{
    Errand *errand = data;
    if (errand->done && !errand->engine->closed)
        errand->done(errand);
    return G_SOURCE_REMOVE;
}

static void run_errand(gpointer data, gpointer user)
{
    Errand *errand = data;
    errand->run(errand);
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, tell_done, errand, errand_free);
    g_source_attach(source, errand->engine->context);
    g_source_unref(source);
}

void errand_start(Errand *errand)
{
    g_thread_pool_push(errand->engine->pool, errand, NULL);
}

/* One thread: errands of a task are done in the order in which they are sent. */
void errand_pool_start(TaskEngine *engine)
{
    engine->tasks_directory = -1;
    engine->pool = g_thread_pool_new(run_errand, NULL, 1, FALSE, NULL);
}

int errand_directory(TaskEngine *engine, GError **error)
{
    if (engine->tasks_directory >= 0)
        return engine->tasks_directory;
    if (g_mkdir_with_parents(engine->directory, 0700) == 0)
        engine->tasks_directory = open(engine->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (engine->tasks_directory < 0)
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "the tasks' directory %s can't be opened: %s; make it writable for "
                       "gantryd",
                       engine->directory, g_strerror(errno));
    return engine->tasks_directory;
}
