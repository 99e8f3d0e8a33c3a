/* Asking for a task, and asking it to stop. */
#include "agent/task/engine_private.h"
#include "backend/wire/error.h"

/* Which task cancels which on the same object, and then follows it. */
static const struct {
    const char *method, *overruled;
} overrules[] = {
    {"guest.stop", "guest.shutdown"},
    {"guest.stop", "guest.reboot"},
};

typedef struct {
    TaskEngine *engine;
    char *id;                /* or NULL when it was refused */
    TaskSubmitted submitted; /* of a refused one */
    gpointer user;
    GError *error;
} Token;

static Token *token_new(TaskEngine *engine, const char *id)
{
    Token *token = g_new0(Token, 1);
    token->engine = engine_ref(engine);
    token->id = g_strdup(id);
    return token;
}

static void token_free(gpointer data)
{
    Token *token = data;
    engine_unref(token->engine);
    g_free(token->id);
    g_clear_error(&token->error);
    g_free(token);
}

static gboolean tell_refused(gpointer data)
{
    const Token *token = data;
    if (!token->engine->closed)
        token->submitted(NULL, token->error, token->user);
    return G_SOURCE_REMOVE;
}

static void refuse(TaskEngine *engine, TaskSubmitted done, gpointer user, GError *error)
{
    Token *token = token_new(engine, NULL);
    token->submitted = done;
    token->user = user;
    token->error = error;
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, tell_refused, token, token_free);
    g_source_attach(source, engine->context);
    g_source_unref(source);
}

static gboolean does_overrule(const char *method, const char *other)
{
    for (size_t i = 0; i < G_N_ELEMENTS(overrules); i++)
        if (g_str_equal(overrules[i].method, method) &&
            g_str_equal(overrules[i].overruled, other))
            return TRUE;
    return FALSE;
}

/* The task that has the object and makes way, in *other. */
static gboolean check_submission(const TaskEngine *engine, const TaskSubmission *submission,
                                 Task **other, GError **error)
{
    const GError *reason = local_reason(engine->local);
    *other = g_hash_table_lookup(engine->claims, submission->object);
    if (!engine->is_loaded)
        wire_error_set(error, reason ? WIRE_ERROR_STORAGE : WIRE_ERROR_UNAVAILABLE,
                       "tasks can't be started yet: %s",
                       reason ? reason->message : "the record of tasks is being read");
    else if (engine->queued >= TASK_QUEUE_MAX)
        wire_error_set(error, WIRE_ERROR_LIMIT,
                       "%d tasks are waiting already: try again when some have ended",
                       TASK_QUEUE_MAX);
    else if (*other && !does_overrule(submission->method, (*other)->info->method))
        wire_error_set(error, WIRE_ERROR_BUSY,
                       "%s is busy: %s of %s (%s) is %s; wait for it or cancel it",
                       submission->object, (*other)->info->method, (*other)->info->owner,
                       (*other)->info->id, task_state_name((*other)->info->state));
    else
        return TRUE;
    return FALSE;
}

/* Never smaller than the last one, also when the clock goes back. */
static char *make_id(TaskEngine *engine)
{
    engine->last_time = MAX(g_get_real_time(), engine->last_time + 1);
    return task_id_make(engine->last_time, engine->node);
}

static void set_text(char **field, const char *text)
{
    g_free(*field);
    *field = g_utf8_make_valid(text ? text : "", -1);
}

static TaskInfo *make_info(TaskEngine *engine, const TaskSubmission *submission)
{
    TaskInfo *info = task_info_new();
    g_free(info->id);
    info->id = make_id(engine);
    set_text(&info->method, submission->method);
    set_text(&info->object, submission->object);
    set_text(&info->name, submission->name);
    set_text(&info->native, submission->native);
    set_text(&info->owner, submission->owner);
    set_text(&info->boot, engine->boot);
    info->uid = submission->uid;
    if (submission->params)
        json_object_update(info->params, (json_t *)submission->params);
    info->created = (double)g_get_real_time() / G_USEC_PER_SEC;
    return info;
}

static void end_unbegun(Task *task)
{
    task->info->state = TASK_CANCELLED;
    task->info->code = WIRE_ERROR_CANCELLED;
    task->info->error = g_strdup_printf("cancelled by %s before it began", task->canceller);
    queue_remove(task);
    engine_release(task);
}

static void recorded(const GError *error, gpointer data)
{
    Token *token = data;
    TaskEngine *engine = token->engine;
    Task *task = engine->closed ? NULL : engine_find(engine, token->id);
    if (task && error) {
        TaskSubmitted done = task->done;
        gpointer user = task->user;
        engine_remove(task);
        done(NULL, error, user);
    } else if (task) {
        TaskSubmitted done = task->done;
        task->done = NULL;
        queue_add(task);
        done(task->info->id, NULL, task->user);
        task = engine->closed ? NULL : engine_find(engine, token->id);
        if (task)
            engine_changed(task);
        if (task && task->is_cancelling && task->phase == PHASE_QUEUED)
            end_unbegun(task);
        else if (task)
            queue_start(engine);
    }
    token_free(token);
}

void task_engine_submit(TaskEngine *engine, const TaskSubmission *submission,
                        TaskSubmitted done, gpointer user)
{
    GError *error = NULL;
    Task *other;
    if (!check_submission(engine, submission, &other, &error)) {
        refuse(engine, done, user, error);
        return;
    }
    if (other) {
        g_autofree char *who =
            g_strdup_printf("%s (%s)", submission->owner, submission->method);
        (void)task_engine_cancel(engine, other->info->id, who, NULL);
    }
    Task *task = engine_add(engine, make_info(engine, submission), PHASE_RECORDING);
    task->done = done;
    task->user = user;
    local_task_save(engine->local, task->info, recorded, token_new(engine, task->info->id));
}

gboolean task_engine_cancel(TaskEngine *engine, const char *id, const char *who, GError **error)
{
    Task *task = engine_find(engine, id);
    if (!task || task->phase == PHASE_ENDED) {
        wire_error_set(error, task ? WIRE_ERROR_STATE : WIRE_ERROR_NOT_FOUND,
                       task ? "the task %s has ended already" : "there is no running task %s",
                       id);
        return FALSE;
    }
    if (task->is_cancelling)
        return TRUE;
    task->is_cancelling = TRUE;
    g_free(task->canceller);
    task->canceller = g_strdup(who);
    if (task->phase == PHASE_QUEUED)
        end_unbegun(task);
    else if (task->phase == PHASE_RUNNING)
        follow_terminate(task);
    return TRUE;
}
