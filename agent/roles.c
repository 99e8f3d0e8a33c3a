#include "agent/roles.h"

#include "agent/document.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

#define FOLDER "role"

static WireRole role_of(const StoreDocument *document)
{
    WireRole role = WIRE_ROLE_NONE;
    g_autoptr(json_t) object = document ? document_parse(document->content) : NULL;
    const char *name = wire_get_string(object, "role", NULL);
    return name && wire_role_from_name(name, &role) ? role : WIRE_ROLE_NONE;
}

static WireRole role_at(const Store *store, const char *kind, const char *name,
                        const char *without)
{
    g_autofree char *path = g_strdup_printf(FOLDER "/%s/%s", kind, name);
    return g_strcmp0(path, without) == 0 ? WIRE_ROLE_NONE : role_of(store_get(store, path));
}

WireRole roles_find(const Store *store, const Identity *identity, const char *without)
{
    WireRole role = role_at(store, "user", identity->user, without);
    for (char **group = identity->groups; *group; group++)
        role = MAX(role, role_at(store, "group", *group, without));
    return role;
}

static gboolean list_one(const StoreDocument *document, gpointer list)
{
    static const char *const folders[] = {FOLDER "/user/", FOLDER "/group/"};
    for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
        if (!g_str_has_prefix(document->path, folders[i]))
            continue;
        g_autofree char *who =
            g_strconcat(i == 1 ? "@" : "", document->path + strlen(folders[i]), NULL);
        json_array_append_new(list, json_pack("{s:o,s:s,s:I}", "who", wire_string(who), "role",
                                              wire_role_name(role_of(document)), "revision",
                                              (json_int_t)document->revision));
    }
    return TRUE;
}

json_t *roles_list(const Store *store)
{
    json_t *list = json_array();
    store_each(store, FOLDER, list_one, list);
    return list;
}

char *roles_path(const char *who, GError **error)
{
    gboolean group = *who == '@';
    const char *name = who + (group ? 1 : 0);
    size_t length = strlen(name);
    gboolean good = length > 0 && length <= ROLES_NAME_MAX && !strpbrk(name, "/: @") &&
                    g_utf8_validate(name, (gssize)length, NULL) && !g_str_equal(name, ".") &&
                    !g_str_equal(name, "..");
    if (good)
        return g_strdup_printf(FOLDER "/%s/%s", group ? "group" : "user", name);
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "who",
                         "\"%s\" is neither a user's name nor a group's as @GROUP", who);
    return NULL;
}
