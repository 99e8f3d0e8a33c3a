#include "tui/link/ways.h"

#include "backend/wire/message.h"

#include <string.h>

static void way_clear(gpointer data)
{
    target_free(((Way *)data)->target);
}

static void add(GArray *ways, const char *host, const Target *told, gboolean through)
{
    /* "local" and unix: are this machine's: no name of another node. */
    g_autofree char *text =
        g_strdup_printf(strchr(host, ':') ? "ssh://%s%s[%s]" : "ssh://%s%s%s",
                        told->user ? told->user : "", told->user ? "@" : "", host);
    g_autoptr(Target) target = target_parse(text, NULL);
    if (!target || ways->len >= WAYS_MAX)
        return;
    g_free(target->name);
    target->name = g_strdup(host);
    Way way = {g_steal_pointer(&target), through};
    g_array_append_val(ways, way);
}

GArray *ways_new(const json_t *peer, const Target *told)
{
    GArray *ways = g_array_new(FALSE, FALSE, sizeof(Way));
    const json_t *addresses = json_object_get(peer, "addresses");
    size_t index;
    const json_t *address;
    g_array_set_clear_func(ways, way_clear);
    add(ways, wire_get_string(peer, "name", ""), told, FALSE);
    json_array_foreach(addresses, index, address)
    {
        if (json_is_string(address))
            add(ways, json_string_value(address), told, FALSE);
    }
    json_array_foreach(told->path ? NULL : addresses, index, address)
    {
        if (json_is_string(address))
            add(ways, json_string_value(address), told, TRUE);
    }
    return ways;
}
