#include "backend/cluster/database.h"

#include "backend/cluster/database_file.h"
#include "backend/cluster/database_statement.h"
#include "backend/wire/error.h"

#define BATCH_MAX 256

typedef struct {
    DatabaseWork work; /* NULL in a notice of health, which has done only */
    DatabaseDone done;
    gpointer data;
    GDestroyNotify release;
    gboolean writes;
    GError *error;
} Job;

typedef struct {
    Database *database;
    DatabaseHealth health;
    GError *reason;
} Notice;

struct Database {
    gatomicrefcount references; /* the owner, the thread, each source */
    char *path;
    DatabaseSettings settings;
    GMainContext *context;
    DatabaseHealthChanged changed;
    gpointer user;
    DatabaseHealth health; /* as last told, in the main context */
    GError *reason;

    GMutex lock; /* for all below */
    GCond wake, ended;
    GQueue waiting;  /* of Job */
    GQueue finished; /* of Job, to be told in the main context */
    gboolean closing, has_ended, is_abandoned, source_pending;
    gint64 busy_since;

    DatabaseFile file; /* the thread's own */
};

static void job_free(Job *job)
{
    if (job->release)
        job->release(job->data);
    g_clear_error(&job->error);
    g_free(job);
}

static void database_unref(Database *database)
{
    if (!g_atomic_ref_count_dec(&database->references))
        return;
    g_clear_error(&database->reason);
    g_main_context_unref(database->context);
    g_mutex_clear(&database->lock);
    g_cond_clear(&database->wake);
    g_cond_clear(&database->ended);
    g_free(database->path);
    g_free(database);
}

/* Main context. */
static gboolean tell_finished(gpointer data)
{
    Database *database = data;
    g_mutex_lock(&database->lock);
    database->source_pending = FALSE;
    Job *job;
    while ((job = g_queue_pop_head(&database->finished))) {
        g_mutex_unlock(&database->lock);
        if (job->done)
            job->done(job->error, job->data);
        job_free(job);
        g_mutex_lock(&database->lock);
    }
    g_mutex_unlock(&database->lock);
    return G_SOURCE_REMOVE;
}

/* With the lock held. */
static void finish_job(Database *database, Job *job)
{
    g_queue_push_tail(&database->finished, job);
    if (database->source_pending || database->is_abandoned)
        return;
    database->source_pending = TRUE;
    g_atomic_ref_count_inc(&database->references);
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, tell_finished, database, (GDestroyNotify)database_unref);
    g_source_attach(source, database->context);
    g_source_unref(source);
}

static void notice_free(gpointer data)
{
    Notice *notice = data;
    g_clear_error(&notice->reason);
    g_free(notice);
}

/* Main context. */
static void tell_health(const GError *error, gpointer data)
{
    Notice *notice = data;
    Database *database = notice->database;
    database->health = notice->health;
    g_clear_error(&database->reason);
    database->reason = g_steal_pointer(&notice->reason);
    if (database->changed)
        database->changed(database->health, database->reason, database->user);
}

/* The functions from here to thread_main run in the thread. */

static void report_health(Database *database)
{
    Notice *notice = g_new0(Notice, 1);
    *notice =
        (Notice){.database = database,
                 .health = database->file.health,
                 .reason = database->file.reason ? g_error_copy(database->file.reason) : NULL};
    Job *job = g_new0(Job, 1);
    *job = (Job){.done = tell_health, .data = notice, .release = notice_free};
    g_mutex_lock(&database->lock);
    finish_job(database, job);
    g_mutex_unlock(&database->lock);
}

static void set_health(Database *database, DatabaseHealth health, const GError *reason)
{
    DatabaseFile *file = &database->file;
    if (file->health == health &&
        (!reason || (file->reason && g_str_equal(reason->message, file->reason->message))))
        return;
    GError *copy = reason ? g_error_copy(reason) : NULL;
    g_clear_error(&file->reason);
    file->health = health;
    file->reason = copy;
    report_health(database);
}

static gboolean is_open_for_writing(const DatabaseFile *file)
{
    return file->handle && !sqlite3_db_readonly(file->handle, "main");
}

static void reopen(Database *database)
{
    GError *old = g_steal_pointer(&database->file.reason);
    DatabaseHealth health = database->file.health;
    database_file_close(&database->file);
    database_file_open(&database->file, &database->settings);
    const GError *reason = database->file.reason;
    if (database->file.health != health || !reason || !old ||
        !g_str_equal(old->message, reason->message))
        report_health(database);
    g_clear_error(&old);
}

/* Tries whether it is well again. */
static void retry(Database *database)
{
    g_autoptr(GError) error = NULL;
    if (!is_open_for_writing(&database->file))
        reopen(database);
    else if (database_file_probe(&database->file, &error))
        set_health(database, DATABASE_WRITABLE, NULL);
    else
        set_health(database, DATABASE_READABLE, error);
}

/* TRUE when the job is done or failed by itself, FALSE when the whole batch is. */
static gboolean run_write(sqlite3 *handle, Job *job, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (!database_statement_run(handle, "SAVEPOINT job", error))
        return FALSE;
    if (job->work(handle, job->data, &failure))
        return database_statement_run(handle, "RELEASE job", error);
    if (g_error_matches(failure, WIRE_ERROR, WIRE_ERROR_STORAGE) ||
        sqlite3_get_autocommit(handle)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    job->error = g_steal_pointer(&failure);
    return database_run(handle, "ROLLBACK TO job; RELEASE job", error);
}

static gboolean run_batch(sqlite3 *handle, GQueue *batch, gboolean *damaged, GError **error)
{
    gboolean done = database_statement_run(handle, "BEGIN IMMEDIATE", error);
    for (GList *node = batch->head; done && node; node = node->next)
        done = run_write(handle, node->data, error);
    if (done)
        done = database_statement_run(handle, "COMMIT", error);
    if (done)
        return TRUE;
    int code = sqlite3_errcode(handle) & 0xff;
    *damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    if (!sqlite3_get_autocommit(handle))
        (void)sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return FALSE;
}

static void run_writes(Database *database, GQueue *batch)
{
    DatabaseFile *file = &database->file;
    g_autoptr(GError) error = NULL;
    gboolean damaged = FALSE;
    if (file->permanent || !is_open_for_writing(file)) {
        error = g_error_copy(file->reason);
    } else if (run_batch(file->handle, batch, &damaged, &error)) {
        set_health(database, DATABASE_WRITABLE, NULL);
    } else {
        file->permanent = damaged;
        set_health(database, DATABASE_READABLE, error);
    }
    for (GList *node = batch->head; error && node; node = node->next) {
        Job *job = node->data;
        g_clear_error(&job->error);
        job->error = g_error_copy(error);
    }
}

static void run_read(Database *database, Job *job)
{
    DatabaseFile *file = &database->file;
    if (!file->handle)
        job->error = g_error_copy(file->reason);
    else
        (void)job->work(file->handle, job->data, &job->error);
}

/* With the lock held: all writes at the head of the queue, or one read. */
static void take_batch(Database *database, GQueue *batch)
{
    gboolean writes = TRUE;
    while (writes && batch->length < BATCH_MAX) {
        const Job *next = g_queue_peek_head(&database->waiting);
        if (!next || (batch->length && !next->writes))
            break;
        writes = next->writes;
        g_queue_push_tail(batch, g_queue_pop_head(&database->waiting));
    }
}

/* With the lock held; FALSE when it is time to end. */
static gboolean wait_for_work(Database *database)
{
    while (g_queue_is_empty(&database->waiting)) {
        if (database->closing)
            return FALSE;
        if (database->file.health == DATABASE_WRITABLE || database->file.permanent) {
            g_cond_wait(&database->wake, &database->lock);
        } else if (!g_cond_wait_until(&database->wake, &database->lock,
                                      g_get_monotonic_time() +
                                          DATABASE_RETRY_S * G_TIME_SPAN_SECOND)) {
            database->busy_since = g_get_monotonic_time();
            g_mutex_unlock(&database->lock);
            retry(database);
            g_mutex_lock(&database->lock);
            database->busy_since = 0;
        }
    }
    return TRUE;
}

static gpointer thread_main(gpointer data)
{
    Database *database = data;
    database_file_open(&database->file, &database->settings);
    report_health(database);
    g_mutex_lock(&database->lock);
    database->busy_since = 0;
    while (wait_for_work(database)) {
        GQueue batch = G_QUEUE_INIT;
        take_batch(database, &batch);
        database->busy_since = g_get_monotonic_time();
        g_mutex_unlock(&database->lock);
        Job *first = g_queue_peek_head(&batch);
        if (first && !first->writes)
            run_read(database, first);
        else
            run_writes(database, &batch);
        g_mutex_lock(&database->lock);
        database->busy_since = 0;
        for (Job *job; (job = g_queue_pop_head(&batch));)
            finish_job(database, job);
    }
    g_mutex_unlock(&database->lock);
    database_file_close(&database->file);

    g_mutex_lock(&database->lock);
    database->has_ended = TRUE;
    g_cond_signal(&database->ended);
    g_mutex_unlock(&database->lock);
    database_unref(database);
    return NULL;
}

Database *database_open(const DatabaseSettings *settings, DatabaseHealthChanged changed,
                        gpointer user)
{
    Database *database = g_new0(Database, 1);
    g_atomic_ref_count_init(&database->references);
    g_atomic_ref_count_inc(&database->references);
    database->path = g_strdup(settings->path);
    database->settings = *settings;
    database->settings.path = database->path;
    database->context = g_main_context_ref_thread_default();
    database->changed = changed;
    database->user = user;
    database->busy_since = g_get_monotonic_time();
    g_mutex_init(&database->lock);
    g_cond_init(&database->wake);
    g_cond_init(&database->ended);
    g_thread_unref(g_thread_new("database", thread_main, database));
    return database;
}

static void queue_job(Database *database, const Job *template)
{
    Job *job = g_memdup2(template, sizeof *template);
    g_mutex_lock(&database->lock);
    if (database->closing) {
        wire_error_set(&job->error, WIRE_ERROR_CANCELLED, "%s is being closed", database->path);
        finish_job(database, job);
    } else {
        g_queue_push_tail(&database->waiting, job);
        g_cond_signal(&database->wake);
    }
    g_mutex_unlock(&database->lock);
}

void database_write(Database *database, DatabaseWork work, DatabaseDone done, gpointer data,
                    GDestroyNotify release)
{
    queue_job(
        database,
        &(Job){.work = work, .done = done, .data = data, .release = release, .writes = TRUE});
}

void database_read(Database *database, DatabaseWork work, DatabaseDone done, gpointer data,
                   GDestroyNotify release)
{
    queue_job(database, &(Job){.work = work, .done = done, .data = data, .release = release});
}

gboolean database_close(Database *database)
{
    if (!database)
        return TRUE;
    gint64 deadline = g_get_monotonic_time() + DATABASE_CLOSE_S * G_TIME_SPAN_SECOND;
    database->changed = NULL;
    g_mutex_lock(&database->lock);
    database->closing = TRUE;
    g_cond_signal(&database->wake);
    while (!database->has_ended)
        if (!g_cond_wait_until(&database->ended, &database->lock, deadline))
            break;
    gboolean ended = database->has_ended;
    database->is_abandoned = !ended;
    g_mutex_unlock(&database->lock);
    (void)tell_finished(database);
    database_unref(database);
    return ended;
}

DatabaseHealth database_health(const Database *database)
{
    return database->health;
}

const GError *database_reason(const Database *database)
{
    return database->reason;
}

gint64 database_busy_since(Database *database)
{
    g_mutex_lock(&database->lock);
    gint64 since = database->busy_since;
    g_mutex_unlock(&database->lock);
    return since;
}

const char *database_path(const Database *database)
{
    return database->path;
}

gboolean database_run(sqlite3 *handle, const char *sql, GError **error)
{
    if (sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return TRUE;
    database_error_set(error, handle);
    return FALSE;
}

sqlite3_stmt *database_prepare(sqlite3 *handle, const char *sql, GError **error)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
        database_error_set(error, handle);
    return statement;
}

gboolean database_execute(sqlite3_stmt *statement, GError **error)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_DONE && code != SQLITE_ROW)
        database_error_set(error, sqlite3_db_handle(statement));
    (void)sqlite3_reset(statement);
    return code == SQLITE_DONE || code == SQLITE_ROW;
}

gboolean database_next(sqlite3_stmt *statement, gboolean *row, GError **error)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        database_error_set(error, sqlite3_db_handle(statement));
        return FALSE;
    }
    *row = code == SQLITE_ROW;
    return TRUE;
}

gboolean database_each(sqlite3_stmt *statement,
                       gboolean (*each)(sqlite3_stmt *row, gpointer user, GError **error),
                       gpointer user, GError **error)
{
    gboolean row;
    while (database_next(statement, &row, error)) {
        if (!row)
            return TRUE;
        if (!each(statement, user, error))
            return FALSE;
    }
    return FALSE;
}

void database_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    (void)sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

const char *database_column_text(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}
