#include "agent/looks.h"

#include <string.h>

struct Looks {
    GPtrArray *waiting; /* of Look */
};

typedef struct {
    Looks *looks;
    char *native;
    guint patience;
    LookDone done;
    gpointer user;
    GDestroyNotify release;
} Look;

static void look_free(gpointer data)
{
    Look *look = data;
    g_clear_handle_id(&look->patience, g_source_remove);
    if (look->release)
        look->release(look->user);
    g_free(look->native);
    g_free(look);
}

Looks *looks_new(void)
{
    Looks *looks = g_new0(Looks, 1);
    looks->waiting = g_ptr_array_new_with_free_func(look_free);
    return looks;
}

void looks_free(Looks *looks)
{
    if (!looks)
        return;
    g_ptr_array_unref(looks->waiting);
    g_free(looks);
}

static void finish(Looks *looks, guint index)
{
    Look *look = g_ptr_array_steal_index(looks->waiting, index);
    look->done(look->user);
    look_free(look);
}

static gboolean on_patience_over(gpointer user)
{
    Look *look = user;
    Looks *looks = look->looks;
    guint index;
    look->patience = 0;
    if (g_ptr_array_find(looks->waiting, look, &index))
        finish(looks, index);
    return G_SOURCE_REMOVE;
}

void looks_add(Looks *looks, const char *native, LookDone done, gpointer user,
               GDestroyNotify release)
{
    Look *look = g_new0(Look, 1);
    *look = (Look){looks, g_strdup(native), 0, done, user, release};
    look->patience = g_timeout_add(LOOK_PATIENCE_MS, on_patience_over, look);
    g_ptr_array_add(looks->waiting, look);
}

void looks_end(Looks *looks, const char *native)
{
    for (guint i = looks->waiting->len; i > 0; i--)
        if (strcmp(((const Look *)looks->waiting->pdata[i - 1])->native, native) == 0)
            finish(looks, i - 1);
}
