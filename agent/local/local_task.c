#include "agent/local/local_file.h"

#define COLUMNS                                                                                \
    "id, method, object, name, native, owner, uid, params, boot, state, created, started, "    \
    "ended, error, code, field, result, unrecovered"
#define OPEN "(state IN ('queued', 'running') OR unrecovered = 1)"

typedef struct {
    TaskInfo *info;
    DatabaseDone done;
    gpointer user;
} Save;

static void save_free(gpointer data)
{
    Save *save = data;
    task_info_free(save->info);
    g_free(save);
}

static void bind_json(sqlite3_stmt *statement, int index, const json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    (void)sqlite3_bind_text(statement, index, text, -1, free);
}

static gboolean write_task(sqlite3 *handle, gpointer data, GError **error)
{
    const TaskInfo *info = ((const Save *)data)->info;
    g_autoptr(sqlite3_stmt) statement =
        database_prepare(handle,
                         "INSERT OR REPLACE INTO task (" COLUMNS ") "
                         "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         error);
    if (!statement)
        return FALSE;
    database_bind_text(statement, 1, info->id);
    database_bind_text(statement, 2, info->method);
    database_bind_text(statement, 3, info->object);
    database_bind_text(statement, 4, info->name);
    database_bind_text(statement, 5, info->native);
    database_bind_text(statement, 6, info->owner);
    (void)sqlite3_bind_int64(statement, 7, info->uid);
    bind_json(statement, 8, info->params);
    database_bind_text(statement, 9, info->boot);
    database_bind_text(statement, 10, task_state_name(info->state));
    (void)sqlite3_bind_double(statement, 11, info->created);
    (void)sqlite3_bind_double(statement, 12, info->started);
    (void)sqlite3_bind_double(statement, 13, info->ended);
    database_bind_text(statement, 14, info->error);
    database_bind_text(statement, 15, info->error ? wire_error_name(info->code) : NULL);
    database_bind_text(statement, 16, info->field);
    bind_json(statement, 17, info->result);
    (void)sqlite3_bind_int(statement, 18, info->unrecovered);
    return database_execute(statement, error);
}

static void save_done(const GError *error, gpointer data)
{
    const Save *save = data;
    if (save->done)
        save->done(error, save->user);
}

void local_task_save(Local *local, const TaskInfo *info, DatabaseDone done, gpointer user)
{
    Save save = {task_info_copy(info), done, user};
    database_write(local->database, write_task, save_done, g_memdup2(&save, sizeof save),
                   save_free);
}

/* Reading. */

typedef struct {
    const char *sql; /* ?1 is key, ?2 is limit, where it has them */
    char *key;
    guint limit;
    GPtrArray *tasks;
    LocalTasks done;
    gpointer user;
} Query;

static void query_free(gpointer data)
{
    Query *query = data;
    g_free(query->key);
    g_ptr_array_unref(query->tasks);
    g_free(query);
}

static void take_text(char **field, sqlite3_stmt *statement, int column)
{
    g_free(*field);
    *field = g_strdup(database_column_text(statement, column));
}

static json_t *column_json(sqlite3_stmt *statement, int column)
{
    const char *text = database_column_text(statement, column);
    return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

static TaskInfo *read_task(sqlite3_stmt *statement)
{
    TaskInfo *info = task_info_new();
    char **const texts[] = {&info->id,   &info->method, &info->object,
                            &info->name, &info->native, &info->owner};
    for (int i = 0; i < (int)G_N_ELEMENTS(texts); i++)
        take_text(texts[i], statement, i);
    info->uid = (guint)sqlite3_column_int64(statement, 6);
    json_t *params = column_json(statement, 7);
    if (params) {
        json_decref(info->params);
        info->params = params;
    }
    take_text(&info->boot, statement, 8);
    (void)task_state_from_name(database_column_text(statement, 9), &info->state);
    info->created = sqlite3_column_double(statement, 10);
    info->started = sqlite3_column_double(statement, 11);
    info->ended = sqlite3_column_double(statement, 12);
    take_text(&info->error, statement, 13);
    info->code = wire_error_from_name(database_column_text(statement, 14));
    take_text(&info->field, statement, 15);
    info->result = column_json(statement, 16);
    info->unrecovered = sqlite3_column_int(statement, 17) != 0;
    if (info->state == TASK_DONE)
        info->progress = 100;
    return info;
}

static gboolean add_task(sqlite3_stmt *row, gpointer tasks, GError **error)
{
    g_ptr_array_add(tasks, read_task(row));
    return TRUE;
}

static gboolean read_tasks(sqlite3 *handle, gpointer data, GError **error)
{
    Query *query = data;
    g_autoptr(sqlite3_stmt) statement = database_prepare(handle, query->sql, error);
    if (!statement)
        return FALSE;
    if (query->key)
        database_bind_text(statement, 1, query->key);
    (void)sqlite3_bind_int64(statement, 2, query->limit);
    return database_each(statement, add_task, query->tasks, error);
}

static void tasks_read(const GError *error, gpointer data)
{
    const Query *query = data;
    query->done(error ? NULL : query->tasks, error, query->user);
}

static void run_query(Local *local, const char *sql, const char *key, guint limit,
                      LocalTasks done, gpointer user)
{
    Query *query = g_new0(Query, 1);
    *query = (Query){.sql = sql,
                     .key = g_strdup(key),
                     .limit = MIN(limit, LOCAL_LIST_MAX),
                     .tasks = g_ptr_array_new_with_free_func((GDestroyNotify)task_info_free),
                     .done = done,
                     .user = user};
    database_read(local->database, read_tasks, tasks_read, query, query_free);
}

void local_task_load(Local *local, guint limit, LocalTasks done, gpointer user)
{
    run_query(local,
              "SELECT " COLUMNS " FROM task WHERE " OPEN
              "  OR id IN (SELECT id FROM task ORDER BY id DESC LIMIT ?2) ORDER BY id",
              NULL, limit, done, user);
}

void local_task_list(Local *local, const char *before, guint limit, LocalTasks done,
                     gpointer user)
{
    run_query(local,
              "SELECT " COLUMNS " FROM task WHERE ?1 IS NULL OR id < ?1"
              "  ORDER BY id DESC LIMIT ?2",
              before, limit, done, user);
}

void local_task_find(Local *local, const char *id, LocalTasks done, gpointer user)
{
    run_query(local, "SELECT " COLUMNS " FROM task WHERE id = ?1 LIMIT ?2", id, 1, done, user);
}

typedef struct {
    GHashTable *ids;
    LocalIds done;
    gpointer user;
} IdQuery;

static void id_query_free(gpointer data)
{
    IdQuery *query = data;
    g_hash_table_unref(query->ids);
    g_free(query);
}

static gboolean add_id(sqlite3_stmt *row, gpointer ids, GError **error)
{
    g_hash_table_add(ids, g_strdup(database_column_text(row, 0)));
    return TRUE;
}

static gboolean read_ids(sqlite3 *handle, gpointer data, GError **error)
{
    IdQuery *query = data;
    g_autoptr(sqlite3_stmt) statement = database_prepare(handle, "SELECT id FROM task", error);
    return statement && database_each(statement, add_id, query->ids, error);
}

static void ids_read(const GError *error, gpointer data)
{
    const IdQuery *query = data;
    query->done(error ? NULL : query->ids, error, query->user);
}

void local_task_ids(Local *local, LocalIds done, gpointer user)
{
    IdQuery query = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), done, user};
    database_read(local->database, read_ids, ids_read, g_memdup2(&query, sizeof query),
                  id_query_free);
}
