/* local/task_info - what is known of a task: the record, and how far it is.
 *
 * The record is kept in the node's database before the task begins; progress,
 * doing and log_size are read from the task's directory while it runs. See
 * object.h for the fields as they stand on the wire.
 */
#pragma once

#include "backend/wire/error.h"
#include "backend/wire/message.h"

typedef enum {
    TASK_QUEUED,
    TASK_RUNNING,
    TASK_DONE,
    TASK_FAILED,
    TASK_CANCELLED,
    TASK_STATE_COUNT
} TaskState;

typedef struct {
    char *id;     /* 20261123T101500.123456-node1 */
    char *method; /* guest.start */
    char *object; /* vm/100, or "" */
    char *name;   /* the object's name */
    char *native; /* the object's native identifier, or "" */
    char *owner;  /* who asked, by name and by number */
    guint uid;
    json_t *params; /* an object */

    char *boot; /* the boot in which it was asked for */
    TaskState state;
    double created, started, ended; /* seconds since 1970; 0: not yet */
    char *error;                    /* why it failed, or NULL */
    WireErrorCode code;             /* with error */
    char *field;                    /* with error, or NULL */
    json_t *result;                 /* when done, or NULL */
    gboolean unrecovered;           /* a note waits to be finished or undone */

    double progress; /* percent; below 0: not known */
    char *doing;     /* or NULL */
    guint64 log_size;
} TaskInfo;

/* A new one without fields: strings are "", progress is not known. */
TaskInfo *task_info_new(void);
TaskInfo *task_info_copy(const TaskInfo *info);
void task_info_free(TaskInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TaskInfo, task_info_free)

gboolean task_info_ended(const TaskInfo *info);

/* The object of the wire, without its node; full adds params and result. */
json_t *task_info_json(const TaskInfo *info, gboolean full);

const char *task_state_name(TaskState state);
gboolean task_state_from_name(const char *name, TaskState *out);

/* Identifiers: time with microseconds, a dash, the node (letters, digits, - and
 * .). They sort by time and are safe as file names. */
gboolean task_id_check(const char *id);
/* Microseconds since 1970 of a checked identifier. */
gint64 task_id_time(const char *id);
char *task_id_make(gint64 microseconds, const char *node);
