#include "tui/view/console_private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <string.h>

enum { SIZE_MAX_STATE = 256 * 1024 };

struct State {
    json_t *values;
    char *path;
    bool changed;
};

State *state_load(char **trouble)
{
    State *state = g_new0(State, 1);
    state->path = g_build_filename(g_get_user_state_dir(), "gantry", "state.json", NULL);
    json_error_t where;
    GStatBuf info;
    if (g_stat(state->path, &info) == 0) {
        if (info.st_size <= SIZE_MAX_STATE && S_ISREG(info.st_mode))
            state->values = json_load_file(state->path, 0, &where);
        if (!json_is_object(state->values)) {
            *trouble = g_strdup_printf("%s can't be read and is ignored", state->path);
            json_decref(state->values);
            state->values = NULL;
        }
    }
    if (!state->values)
        state->values = json_object();
    return state;
}

const char *state_get(const State *state, const char *key)
{
    return json_string_value(json_object_get(state->values, key));
}

void state_set(State *state, const char *key, const char *value)
{
    if (g_strcmp0(state_get(state, key), value) == 0)
        return;
    json_object_set_new(state->values, key, json_string(value));
    state->changed = true;
}

char *state_save(State *state)
{
    if (!state->changed)
        return NULL;
    g_autofree char *directory = g_path_get_dirname(state->path);
    if (g_mkdir_with_parents(directory, 0700) != 0)
        return g_strdup_printf("%s: %s", directory, g_strerror(errno));
    char *text = json_dumps(state->values, JSON_INDENT(2) | JSON_SORT_KEYS);
    g_autoptr(GError) error = NULL;
    gboolean written = g_file_set_contents(state->path, text, -1, &error);
    free(text);
    state->changed = !written;
    return written ? NULL : g_strdup(error->message);
}

void state_free(State *state)
{
    if (!state)
        return;
    json_decref(state->values);
    g_free(state->path);
    g_free(state);
}
