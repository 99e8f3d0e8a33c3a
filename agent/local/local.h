/* agent/local - what a node remembers by itself: tasks, audit, events, nodes it does not see.
 *
 * An SQLite file of the node's own (local.db), not replicated, on top of
 * cluster/database, whose rules hold: nothing blocks, callbacks come in the main
 * context, a write that was answered is on disk, WIRE_ERROR_STORAGE says what to
 * do. Rows are kept for a stated time and up to a stated number, whichever ends
 * first; local_trim() enforces it.
 */
#pragma once

#include "agent/local/task_info.h"
#include "backend/cluster/database.h"

#define LOCAL_TASK_DAYS  30 /* when the configuration does not say otherwise */
#define LOCAL_TASK_ROWS  10000
#define LOCAL_AUDIT_DAYS 365
#define LOCAL_AUDIT_ROWS 100000
#define LOCAL_EVENT_DAYS 90
#define LOCAL_EVENT_ROWS 10000
#define LOCAL_LIST_MAX   10000      /* rows in one answer */
#define LOCAL_TEXT_MAX   (64 << 10) /* bytes of one text; longer ones are cut */

typedef struct Local Local;

Local *local_open(const char *path, DatabaseHealthChanged changed, gpointer user);
gboolean local_close(Local *local); /* as database_close() */
/* Why it can't be written, or NULL. */
const GError *local_reason(const Local *local);

/* Writes the record of a task, new or not. done may be NULL. */
void local_task_save(Local *local, const TaskInfo *info, DatabaseDone done, gpointer user);

/* tasks: of TaskInfo, borrowed; NULL with an error. */
typedef void (*LocalTasks)(GPtrArray *tasks, const GError *error, gpointer user);
/* All tasks that have not ended or wait to be recovered, and the newest others
 * up to limit; oldest first. */
void local_task_load(Local *local, guint limit, LocalTasks done, gpointer user);
/* Tasks older than an identifier (NULL: from the newest), newest first. */
void local_task_list(Local *local, const char *before, guint limit, LocalTasks done,
                     gpointer user);
void local_task_find(Local *local, const char *id, LocalTasks done, gpointer user);

typedef struct {
    const char *who; /* the person's name on the node */
    guint uid;
    const char *method;
    const char *object;   /* or NULL */
    const json_t *params; /* without secrets: the caller has taken them out */
    const char *result;   /* "ok", the task's identifier, or the error */
} LocalAudit;
void local_audit_add(Local *local, const LocalAudit *audit, DatabaseDone done, gpointer user);

typedef struct {
    const char *severity; /* info, warning or error */
    const char *object;   /* or NULL */
    const char *text;
    const char *who; /* or NULL */
} LocalEvent;
void local_event_add(Local *local, const LocalEvent *event, DatabaseDone done, gpointer user);

/* rows: a JSON array, newest first, borrowed; NULL with an error. An audit row
 * has id, time, who, uid, method, object, params, result; an event id, time,
 * severity, object, text, who. The ids sort by time. before: an id, or NULL. */
typedef void (*LocalRows)(json_t *rows, const GError *error, gpointer user);
void local_audit_list(Local *local, const char *before, guint limit, LocalRows done,
                      gpointer user);
void local_event_list(Local *local, const char *before, guint limit, LocalRows done,
                      gpointer user);

/* The nodes of the cluster that are not seen, {name: seconds since 1970} (stolen), instead of
 * those there were. Listed as rows with node and since. */
void local_lost_save(Local *local, json_t *nodes);
void local_lost_list(Local *local, LocalRows done, gpointer user);

/* Removes what is older or more than the limits above. Tasks that have not ended
 * or wait to be recovered are kept. */
void local_trim(Local *local, guint task_days, DatabaseDone done, gpointer user);
/* The identifiers of all tasks on record. */
typedef void (*LocalIds)(GHashTable *ids, const GError *error, gpointer user);
void local_task_ids(Local *local, LocalIds done, gpointer user);
