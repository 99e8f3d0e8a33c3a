#include "agent/local/local_file.h"

/* A row to be added: its texts in the order of the statement's parameters, after
 * the time (1) and, where there is one, the number (2). */
#define TEXTS_MAX 5

typedef struct {
    const char *sql;
    double time;
    gboolean has_number;
    guint number;
    char *texts[TEXTS_MAX];
    int text_count;
    DatabaseDone done;
    gpointer user;
} Addition;

typedef struct {
    const char *sql;
    gint64 before;
    guint limit;
    json_t *rows;
    LocalRows done;
    gpointer user;
} Listing;

static void addition_free(gpointer data)
{
    Addition *addition = data;
    for (int i = 0; i < addition->text_count; i++)
        g_free(addition->texts[i]);
    g_free(addition);
}

/* Texts come from outside: valid UTF-8 and of a bounded size. */
static char *bounded_text(const char *text)
{
    return text ? g_utf8_make_valid(text, (gssize)MIN(strlen(text), LOCAL_TEXT_MAX)) : NULL;
}

static gboolean add_row(sqlite3 *handle, gpointer data, GError **error)
{
    const Addition *addition = data;
    g_autoptr(sqlite3_stmt) statement = database_prepare(handle, addition->sql, error);
    if (!statement)
        return FALSE;
    int index = 1;
    (void)sqlite3_bind_double(statement, index++, addition->time);
    if (addition->has_number)
        (void)sqlite3_bind_int64(statement, index++, addition->number);
    for (int i = 0; i < addition->text_count; i++)
        database_bind_text(statement, index++, addition->texts[i]);
    return database_execute(statement, error);
}

static void row_added(const GError *error, gpointer data)
{
    const Addition *addition = data;
    if (addition->done)
        addition->done(error, addition->user);
}

static void queue_addition(Local *local, Addition *addition)
{
    addition->time = (double)g_get_real_time() / G_USEC_PER_SEC;
    database_write(local->database, add_row, row_added, addition, addition_free);
}

void local_audit_add(Local *local, const LocalAudit *audit, DatabaseDone done, gpointer user)
{
    char *params = audit->params ? json_dumps(audit->params, JSON_COMPACT) : NULL;
    Addition *addition = g_new0(Addition, 1);
    *addition = (Addition){
        .sql = "INSERT INTO audit (time, uid, who, method, object, params, result) "
               "VALUES (?, ?, ?, ?, ?, ?, ?)",
        .has_number = TRUE,
        .number = audit->uid,
        .texts = {bounded_text(audit->who), bounded_text(audit->method),
                  bounded_text(audit->object), bounded_text(params),
                  bounded_text(audit->result)},
        .text_count = 5,
        .done = done,
        .user = user,
    };
    free(params);
    queue_addition(local, addition);
}

void local_event_add(Local *local, const LocalEvent *event, DatabaseDone done, gpointer user)
{
    Addition *addition = g_new0(Addition, 1);
    *addition = (Addition){
        .sql = "INSERT INTO event (time, severity, object, text, who) VALUES (?, ?, ?, ?, ?)",
        .texts = {bounded_text(event->severity), bounded_text(event->object),
                  bounded_text(event->text), bounded_text(event->who)},
        .text_count = 4,
        .done = done,
        .user = user,
    };
    queue_addition(local, addition);
}

static void listing_free(gpointer data)
{
    Listing *listing = data;
    json_decref(listing->rows);
    g_free(listing);
}

static json_t *column_value(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
        return json_real(sqlite3_column_double(statement, column));
    case SQLITE_NULL:
        return json_null();
    default:
        return wire_string(database_column_text(statement, column));
    }
}

/* The number in twelve digits, so that identifiers sort as text too. */
static json_t *row_id(sqlite3_stmt *statement)
{
    g_autofree char *id =
        g_strdup_printf("%012" G_GINT64_FORMAT, (gint64)sqlite3_column_int64(statement, 0));
    return json_string(id);
}

static gboolean list_row(sqlite3_stmt *row, gpointer rows, GError **error)
{
    json_t *object = json_object();
    json_object_set_new(object, "id", row_id(row));
    for (int i = 1; i < sqlite3_column_count(row); i++)
        json_object_set_new(object, sqlite3_column_name(row, i), column_value(row, i));
    json_array_append_new(rows, object);
    return TRUE;
}

static gboolean list_rows(sqlite3 *handle, gpointer data, GError **error)
{
    Listing *listing = data;
    g_autoptr(sqlite3_stmt) statement = database_prepare(handle, listing->sql, error);
    if (!statement)
        return FALSE;
    (void)sqlite3_bind_int64(statement, 1, listing->before);
    (void)sqlite3_bind_int64(statement, 2, listing->limit);
    return database_each(statement, list_row, listing->rows, error);
}

static void rows_listed(const GError *error, gpointer data)
{
    const Listing *listing = data;
    listing->done(error ? NULL : listing->rows, error, listing->user);
}

static void queue_listing(Local *local, const char *sql, const char *before, guint limit,
                          LocalRows done, gpointer user)
{
    guint64 number;
    if (!before || !g_ascii_string_to_unsigned(before, 10, 0, G_MAXINT64, &number, NULL))
        number = G_MAXINT64;
    Listing listing = {sql,          (gint64)number, MIN(limit, LOCAL_LIST_MAX),
                       json_array(), done,           user};
    database_read(local->database, list_rows, rows_listed, g_memdup2(&listing, sizeof listing),
                  listing_free);
}

void local_audit_list(Local *local, const char *before, guint limit, LocalRows done,
                      gpointer user)
{
    queue_listing(local,
                  "SELECT id, time, who, uid, method, object, params, result FROM audit"
                  "  WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                  before, limit, done, user);
}

void local_lost_list(Local *local, LocalRows done, gpointer user)
{
    queue_listing(local,
                  "SELECT rowid, node, since FROM lost WHERE rowid < ?1"
                  "  ORDER BY rowid DESC LIMIT ?2",
                  NULL, LOCAL_LIST_MAX, done, user);
}

void local_event_list(Local *local, const char *before, guint limit, LocalRows done,
                      gpointer user)
{
    queue_listing(local,
                  "SELECT id, time, severity, object, text, who FROM event"
                  "  WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                  before, limit, done, user);
}
