/* From an action and what it is about to calls of agents: who can't and why,
 * what will be hit, the question if it is dangerous, and what came of it. */
#include "tui/view/console_private.h"

#include "backend/wire/message.h"

#include <string.h>

enum { NAMED = 12, DEADLINE = 30000, ERRORS_SHOWN = 20 };

/* An act that was decided on, its objects by name: they may go before the
 * person answers. */
typedef struct {
    Console *console;
    const Action *action;
    GArray *subjects; /* Subject */
    char *value;      /* of the action's field */
    json_t *params;   /* further ones, or NULL */
    guint waiting, failed;
    GString *errors;
} Order;

typedef struct {
    Order *order;
    char *name;
} Call;

static void order_free(gpointer data)
{
    Order *order = data;
    g_array_unref(order->subjects);
    g_free(order->value);
    json_decref(order->params);
    g_string_free(order->errors, TRUE);
    g_free(order);
}

static void on_read(const char *const *answers, gpointer user)
{
}

void console_show_error(Console *console, const char *title, const char *text)
{
    FormSetup form = {.title = title, .text = text, .consent = "read", .answer = on_read};
    console_push(console, form_new(&form));
}

static void order_done(Order *order)
{
    Console *console = order->console;
    const char *label = order->action->label;
    if (order->failed == 0)
        console_say(console, ROLE_TEXT, "%s: asked for %u", label, order->subjects->len);
    else if (order->failed == 1 && order->errors->len < 70)
        console_say(console, ROLE_ERROR, "%s", order->errors->str);
    else
        console_show_error(console, label, order->errors->str);
    order_free(order);
}

static void on_reply(const json_t *result, const GError *error, gpointer user)
{
    Call *call = user;
    Order *order = call->order;
    Console *console = order->console;
    const char *task = wire_get_string(result, "task", NULL);
    console->pending -= console->pending > 0;
    if (error) {
        order->failed++;
        if (order->failed <= ERRORS_SHOWN)
            g_string_append_printf(order->errors, "%s%s: %s", order->errors->len ? "\n" : "",
                                   call->name, error->message);
    } else if (task) {
        g_hash_table_add(console->own_tasks, g_strdup(task));
    }
    if (--order->waiting == 0) {
        /* Nothing is left to tell when the console is going down. */
        if (console->screen)
            order_done(order);
        else
            order_free(order);
    }
    g_free(call->name);
    g_free(call);
}

static json_t *make_params(const Order *order, const ModelObject *object)
{
    const Action *action = order->action;
    json_t *params = action->params ? json_loads(action->params, 0, NULL) : NULL;
    if (!params)
        params = json_object();
    /* An agent is asked about its own node, and needs no name for it. */
    if (object->kind != OBJECT_NODE)
        json_object_set_new(params, object->kind == OBJECT_TASK ? "task" : "guest",
                            json_string(model_object_id(object)));
    if (action->field)
        json_object_set_new(params, action->field, wire_string(order->value));
    if (order->params)
        (void)json_object_update(params, order->params);
    if (action->danger == DANGER_NAME)
        json_object_set_new(
            params, "confirm",
            wire_string(model_object_name(console_model(order->console), object)));
    return params;
}

/* Consumes the order. */
static void carry_out(Order *order)
{
    Console *console = order->console;
    Cluster *cluster = console_cluster(console);
    order->waiting = 1; /* until all are sent */
    for (guint i = 0; i < order->subjects->len; i++) {
        const Subject *subject = &g_array_index(order->subjects, Subject, i);
        ModelObject *object = subject_find(subject, console_model(console));
        if (!object) {
            order->failed++;
            g_string_append_printf(order->errors, "%s%s is gone since it was chosen",
                                   order->errors->len ? "\n" : "", subject->id);
            continue;
        }
        Call *call = g_new(Call, 1);
        *call =
            (Call){order, g_strdup_printf("%s %s", subject->id,
                                          model_object_name(console_model(console), object))};
        order->waiting++;
        console->pending++;
        (void)cluster_ask(cluster, object->node, order->action->method,
                          make_params(order, object), DEADLINE, on_reply, call);
    }
    console_say(console, ROLE_TEXT, "%s: waiting for the agent's answer", order->action->label);
    if (--order->waiting == 0)
        order_done(order);
}

static void on_consent(const char *const *answers, gpointer user)
{
    Order *order = g_steal_pointer((Order **)user);
    if (!answers) {
        console_say(order->console, ROLE_TEXT, "%s: nothing was done", order->action->label);
        order_free(order);
        return;
    }
    if (order->action->field)
        order->value = g_strdup(answers[0]);
    carry_out(order);
}

/* The question went away, maybe without an answer: the console ends. */
static void free_held(gpointer user)
{
    g_clear_pointer((Order **)user, order_free);
    g_free(user);
}

/* "vm/100 web1 on node1", one a line. */
static void list_objects(const Order *order, GString *text)
{
    Model *model = console_model(order->console);
    for (guint i = 0; i < order->subjects->len; i++) {
        const Subject *subject = &g_array_index(order->subjects, Subject, i);
        const ModelObject *object = subject_find(subject, model);
        const ModelNode *node = model_node(model, object ? object->node : subject->node);
        if (i == NAMED) {
            g_string_append_printf(text, "\n  and %u more", order->subjects->len - i);
            return;
        }
        g_string_append_printf(
            text, "\n  %s %s on %s", subject->id,
            object && object->kind == OBJECT_GUEST ? model_object_name(model, object) : "",
            node ? node->name : "?");
    }
}

static void ask_person(Order *order, guint hidden, const char *refusals, const char *word)
{
    const Action *action = order->action;
    guint count = order->subjects->len;
    g_autoptr(GString) text = g_string_new(action->help);
    g_autofree char *title = g_ascii_strup(action->label, 1);
    g_autofree char *heading = g_strconcat(title, action->label + 1, NULL);
    g_string_append_printf(text, "\n\nThis hits %u:", count);
    list_objects(order, text);
    if (hidden)
        g_string_append_printf(text, "\n\n%u of them %s hidden by the filter.", hidden,
                               hidden == 1 ? "is" : "are");
    if (*refusals)
        g_string_append_printf(text, "\n\nLeft out:%s", refusals);
    if (word)
        g_string_append_printf(text, "\n\nType %s to do it.", word);
    g_autofree char *consent = g_strdup_printf("%s %u", action->label, count);
    Order **held = g_memdup2(&order, sizeof order);
    FormSetup form = {.title = heading,
                      .text = text->str,
                      .consent = consent,
                      .word = word,
                      .danger = action->danger != DANGER_NONE,
                      .answer = on_consent,
                      .user = held,
                      .free_user = free_held};
    if (word)
        form.fields[form.count++] = (FormField){"To be sure", "", false};
    else if (action->field)
        form.fields[form.count++] = (FormField){action->prompt, "", false};
    console_push(order->console, form_new(&form));
}

static Order *order_new(Console *console, const Action *action, GArray *subjects)
{
    Order *order = g_new0(Order, 1);
    order->console = console;
    order->action = action;
    order->subjects = subjects;
    order->errors = g_string_new(NULL);
    return order;
}

void console_act_on(Console *console, const Action *action, GArray *subjects, json_t *params)
{
    Order *order = order_new(console, action, subjects);
    order->params = params;
    carry_out(order);
}

static Order *make_order(Console *console, const Action *action, const GPtrArray *targets,
                         GString *refusals)
{
    Order *order = order_new(console, action, g_array_new(FALSE, TRUE, sizeof(Subject)));
    guint refused = 0;
    for (guint i = 0; i < targets->len; i++) {
        Model *model = console_model(console);
        g_autofree char *why =
            action_refusal(action, model, targets->pdata[i], console->options->readonly);
        if (!why) {
            Subject subject = {0};
            subject_set(&subject, targets->pdata[i]);
            g_array_append_val(order->subjects, subject);
        } else if (refused++ < NAMED) {
            g_string_append_printf(refusals, "\n  %s: %s", model_object_id(targets->pdata[i]),
                                   why);
        }
    }
    if (refused > NAMED)
        g_string_append_printf(refusals, "\n  and %u more", refused - NAMED);
    return order;
}

/* Of what will be hit, not of all that is marked. */
static guint count_hidden(const Order *order)
{
    guint hidden = 0;
    const View *view = console_view(order->console);
    Table *table = view->class->table ? view->class->table(view->self) : NULL;
    for (guint i = 0; table && i < order->subjects->len; i++) {
        const Subject *subject = &g_array_index(order->subjects, Subject, i);
        const ModelObject *object = subject_find(subject, console_model(order->console));
        hidden += object && !table_shows(table, object);
    }
    return hidden;
}

void console_act(Console *console, const Action *action, GPtrArray *targets)
{
    g_autoptr(GString) refusals = g_string_new(NULL);
    if (action->command == DO_RUN)
        console_run_words(console, action, targets);
    else if (action->command == DO_MOVE)
        console_move(console, action, targets);
    if (action->command != DO_NONE || targets->len == 0)
        return;
    Order *order = make_order(console, action, targets, refusals);
    guint count = order->subjects->len;
    if (count == 0) {
        if (targets->len == 1)
            console_say(console, ROLE_WARNING, "no %s: %s", action->label,
                        g_strstrip(refusals->str));
        else
            console_show_error(console, action->label, g_strstrip(refusals->str));
        order_free(order);
        return;
    }
    if (action->field && count > 1) {
        console_say(console, ROLE_WARNING, "%s: one at a time", action->label);
        order_free(order);
        return;
    }
    /* One harmless thing is done at once; all else is asked. */
    if (count == 1 && targets->len == 1 && action->danger == DANGER_NONE && !action->field) {
        carry_out(order);
        return;
    }
    g_autofree char *word = NULL;
    if (action->danger == DANGER_NAME) {
        const Subject *first = &g_array_index(order->subjects, Subject, 0);
        const ModelObject *object = subject_find(first, console_model(console));
        word = count == 1 && object
                   ? g_strdup(model_object_name(console_model(console), object))
                   : g_strdup_printf("delete %u", count);
    }
    ask_person(order, count_hidden(order), refusals->str, word);
}
