#include "agent/cluster_settings.h"

#include "agent/document.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "backend/wire/method.h"

static const struct {
    const char *name;
    const char *word; /* the default: a text, or */
    gint64 number;
} defaults[] = {
    {"description", "", 0},      {"notes", "", 0},
    {"move_bandwidth", NULL, 0}, {"drain_order", "as-listed", 0},
    {"drain_parallel", NULL, 1},
};

static json_t *default_of(guint index)
{
    return defaults[index].word ? json_string(defaults[index].word)
                                : json_integer(defaults[index].number);
}

static gboolean fits(const char *name, json_t *value)
{
    g_autoptr(json_t) one = json_pack("{s:O}", name, value);
    return wire_method_check(wire_method_find("cluster.settings_set"), one, NULL);
}

/* The value in the document, or NULL. */
static json_t *find_set(const json_t *document, const char *name)
{
    json_t *value = json_object_get(document, name);
    return value && fits(name, value) ? value : NULL;
}

json_t *cluster_settings_all(const Store *store)
{
    g_autoptr(json_t) document = document_read(store, CLUSTER_SETTINGS_PATH, NULL);
    json_t *all = json_object();
    for (guint i = 0; i < G_N_ELEMENTS(defaults); i++) {
        json_t *value = find_set(document, defaults[i].name);
        json_object_set_new(all, defaults[i].name, value ? json_incref(value) : default_of(i));
    }
    return all;
}

json_t *cluster_settings_set(const Store *store)
{
    g_autoptr(json_t) document = document_read(store, CLUSTER_SETTINGS_PATH, NULL);
    json_t *names = json_array();
    for (guint i = 0; i < G_N_ELEMENTS(defaults); i++)
        if (find_set(document, defaults[i].name))
            json_array_append_new(names, json_string(defaults[i].name));
    return names;
}

gint64 cluster_settings_integer(const Store *store, const char *name)
{
    g_autoptr(json_t) all = cluster_settings_all(store);
    return wire_get_integer(all, name, 0);
}

static gboolean is_setting(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(defaults); i++)
        if (g_str_equal(defaults[i].name, name))
            return TRUE;
    return FALSE;
}

static gboolean unset(json_t *document, const json_t *names, GError **error)
{
    size_t index;
    const json_t *name;
    json_array_foreach(names, index, name)
    {
        if (!is_setting(json_string_value(name))) {
            wire_error_set_field(error, WIRE_ERROR_PARAMS, "unset", "there is no setting '%s'",
                                 json_string_value(name));
            return FALSE;
        }
        json_object_del(document, json_string_value(name));
    }
    return TRUE;
}

json_t *cluster_settings_change(const Store *store, const json_t *params, GError **error)
{
    g_autoptr(json_t) document = document_read(store, CLUSTER_SETTINGS_PATH, NULL);
    if (!document_check(store, CLUSTER_SETTINGS_PATH, params, "what is set", error) ||
        !unset(document, json_object_get(params, "unset"), error))
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(defaults); i++) {
        json_t *value = json_object_get(params, defaults[i].name);
        if (value)
            json_object_set(document, defaults[i].name, value);
    }
    return g_steal_pointer(&document);
}
