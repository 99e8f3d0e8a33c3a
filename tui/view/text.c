/* A text to read about an object: a guest's definition, a node's log, a storage
 * with its volumes; of what has no method of its own, its fields. */
#include "tui/view/console_private.h"

#include "backend/wire/message.h"
#include "tui/view/describe.h"

#include <string.h>

enum { DEADLINE = 20000 };

typedef struct {
    Console *console;
    Subject subject;
    Pager *pager;
    Ask *ask;
    char *name;
    bool failed;
} TextView;

static void on_text(const json_t *result, const GError *error, gpointer user)
{
    TextView *view = user;
    view->ask = NULL;
    g_autofree char *made = NULL;
    view->failed = error != NULL;
    if (error) {
        pager_set(view->pager, error->message);
    } else if (json_is_string(json_object_get(result, "text"))) {
        pager_set(view->pager, wire_get_string(result, "text", ""));
    } else if (json_is_array(json_object_get(result, "lines"))) {
        size_t i;
        const json_t *line;
        json_array_foreach(json_object_get(result, "lines"), i, line)
        {
            const char *text = json_string_value(line);
            pager_add(view->pager, text ? text : "", text ? strlen(text) : 0);
            pager_add(view->pager, "\n", 1);
        }
    } else {
        made = describe_json(result, NULL);
        pager_set(view->pager, made);
    }
    console_changed(view->console);
}

/* Every field of the object, as the model has it. */
static void show_fields(TextView *view, const ModelObject *object)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Model *model = console_model(view->console);
    for (const ModelField *field = model_fields((ObjectKind)object->kind); field->name;
         field++) {
        char value[2048];
        model_field_format(model, field, object, value, sizeof value);
        g_string_append_printf(text, "%-16s %s\n", field->title, value);
    }
    pager_set(view->pager, text->str);
}

static void ask_text(TextView *view, const ModelObject *object)
{
    const char *method = NULL;
    json_t *params = NULL;
    guint node = object->node;
    if (strcmp(view->subject.what, "definition") == 0) {
        method = "guest.definition";
        node = model_node_spokesman(console_model(view->console), node);
        params = json_pack("{s:s}", "guest", view->subject.id);
    } else if (strcmp(view->subject.what, "syslog") == 0) {
        method = "node.syslog";
        params = json_pack("{s:i}", "lines", 1000);
    } else if (object->kind == OBJECT_STORAGE) {
        method = "storage.show";
        params = json_pack("{s:s}", "storage", view->subject.id);
    }
    if (!method) {
        show_fields(view, object);
        return;
    }
    view->ask = cluster_ask(console_cluster(view->console), node, method, params, DEADLINE,
                            on_text, view);
}

static gpointer text_open(Console *console, const Subject *subject)
{
    const ModelObject *object = subject_find(subject, console_model(console));
    if (!object)
        return NULL;
    TextView *view = g_new0(TextView, 1);
    view->console = console;
    view->subject = *subject;
    view->pager = pager_new(strcmp(subject->what, "syslog") == 0);
    view->name = g_strdup(model_object_name(console_model(console), object));
    ask_text(view, object);
    return view;
}

static void text_close(gpointer data)
{
    TextView *view = data;
    ask_drop(&view->ask);
    pager_free(view->pager);
    g_free(view->name);
    g_free(view);
}

static void text_draw(gpointer data, Screen *screen, Box box)
{
    TextView *view = data;
    if (view->ask)
        draw_printf(screen, box.row + 1, 3, box.columns - 4, ROLE_DIM,
                    "waiting for the agent's answer (Esc leaves)");
    else
        pager_draw(view->pager, screen, (Box){box.row, 1, box.rows, box.columns - 2});
}

static bool text_key(gpointer data, Key key)
{
    TextView *view = data;
    return pager_key(view->pager, key);
}

static void text_describe(gpointer data, GString *out)
{
    const TextView *view = data;
    g_string_append_printf(out, " %s %s", view->subject.what, view->subject.id);
    if (strcmp(view->name, view->subject.id) != 0)
        g_string_append_printf(out, " %s", view->name);
    if (!view->ask)
        pager_describe(view->pager, out);
}

const ViewClass view_text = {.name = "text",
                             .title = "Text",
                             .open = text_open,
                             .close = text_close,
                             .draw = text_draw,
                             .key = text_key,
                             .describe = text_describe};
