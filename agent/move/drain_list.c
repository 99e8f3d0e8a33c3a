#include "agent/move/drain_list.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

#define LIST_NAME "drained.json"

json_t *drain_list_read(const char *state, GError **error)
{
    g_autofree char *path = g_build_filename(state, LIST_NAME, NULL);
    json_error_t failure;
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return json_array();
    g_autoptr(json_t) root = json_load_file(path, 0, &failure);
    json_t *guests = json_object_get(root, "guests");
    if (json_is_array(guests))
        return json_incref(guests);
    wire_error_set(error, WIRE_ERROR_STORAGE,
                   "the list of drained guests, %s, can't be read: %s; mend or remove it", path,
                   root ? "it has no guests" : failure.text);
    return NULL;
}

static gboolean save(const char *state, const json_t *guests, GError **error)
{
    g_autofree char *path = g_build_filename(state, LIST_NAME, NULL);
    g_autoptr(json_t) root = json_pack("{s:O}", "guests", guests);
    g_autoptr(GError) failure = NULL;
    char *text = json_dumps(root, JSON_INDENT(1));
    gboolean good = text && g_file_set_contents_full(path, text, -1,
                                                     G_FILE_SET_CONTENTS_CONSISTENT |
                                                         G_FILE_SET_CONTENTS_DURABLE,
                                                     0600, &failure);
    free(text);
    if (!good)
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "the list of drained guests can't be written: %s",
                       failure ? failure->message : "it is no JSON");
    return good;
}

gboolean drain_list_same(const json_t *one, const json_t *other)
{
    const char *native = wire_get_string(one, "native", "");
    return *native && strcmp(native, wire_get_string(other, "native", "")) == 0 &&
           strcmp(wire_get_string(one, "type", ""), wire_get_string(other, "type", "")) == 0;
}

const json_t *drain_list_find(const json_t *guests, const json_t *guest)
{
    size_t index;
    const json_t *one;
    json_array_foreach(guests, index, one)
    {
        if (drain_list_same(one, guest))
            return one;
    }
    return NULL;
}

static json_t *without(const json_t *guests, const json_t *guest)
{
    json_t *rest = json_array();
    size_t index;
    json_t *one;
    json_array_foreach(guests, index, one)
    {
        if (!drain_list_same(one, guest))
            json_array_append(rest, one);
    }
    return rest;
}

gboolean drain_list_add(const char *state, const json_t *guest, GError **error)
{
    static const char *const kept[] = {"id", "name", "native", "type"};
    g_autoptr(json_t) guests = drain_list_read(state, error);
    if (!guests)
        return FALSE;
    g_autoptr(json_t) list = without(guests, guest);
    json_t *entry = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
        json_object_set(entry, kept[i], json_object_get(guest, kept[i]));
    json_array_append_new(list, entry);
    return save(state, list, error);
}

gboolean drain_list_remove(const char *state, const json_t *guest, GError **error)
{
    g_autoptr(json_t) guests = drain_list_read(state, error);
    if (!guests)
        return FALSE;
    g_autoptr(json_t) list = without(guests, guest);
    return json_array_size(list) == json_array_size(guests) || save(state, list, error);
}
