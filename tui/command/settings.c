/* cluster settings: what is set for the whole cluster, shown and changed. */
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/output.h"

enum { ANSWER_DEADLINE = 30000 /* ms */ };

static const CommandColumn columns[] = {{"name", "SETTING", AS_TEXT},
                                        {"value", "VALUE", AS_TEXT},
                                        {"set", "SET", AS_YES},
                                        {"help", "WHAT IT IS", AS_TEXT},
                                        {NULL, NULL, AS_TEXT}};

static gboolean is_among(const json_t *names, const char *name)
{
    size_t index;
    const json_t *one;
    json_array_foreach(names, index, one)
    {
        if (g_strcmp0(json_string_value(one), name) == 0)
            return TRUE;
    }
    return FALSE;
}

/* In the order of the method's row, which says what each is. */
static json_t *rows_of(const WireMethod *method, const json_t *answer)
{
    json_t *rows = json_array();
    for (const WireParameter *p = method->parameters; p && p->name; p++) {
        json_t *value = json_object_get(json_object_get(answer, "settings"), p->name);
        if (value)
            json_array_append_new(
                rows,
                json_pack("{s:s,s:O,s:b,s:s}", "name", p->name, "value", value, "set",
                          is_among(json_object_get(answer, "set"), p->name), "help", p->help));
    }
    return rows;
}

static gboolean show(const Act *act, Link *link, GError **error)
{
    g_autoptr(json_t) answer = client_call(act->client, link, "cluster.settings", json_object(),
                                           ANSWER_DEADLINE, error);
    if (!answer)
        return FALSE;
    if (act->options->format != OUTPUT_TABLE)
        return act_print(act, answer);
    g_autoptr(json_t) rows = rows_of(act->method, answer);
    g_autofree char *table = output_table(columns, rows);
    if (!output_print(table))
        *act->status = 1;
    return TRUE;
}

gboolean act_cluster_settings(const Act *act, GError **error)
{
    Link *link = act_find_link(act, error);
    if (!link)
        return FALSE;
    if (json_object_size(act->arguments->params) == 0)
        return show(act, link, error);
    g_autoptr(json_t) done =
        client_call(act->client, link, act->method->name, json_incref(act->arguments->params),
                    ANSWER_DEADLINE, error);
    return done != NULL;
}
