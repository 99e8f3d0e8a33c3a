#include "tui/model/cluster_words.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"

bool device_votes(const json_t *device)
{
    return wire_get_boolean(device, "voting", FALSE);
}

char *device_words(const json_t *device)
{
    if (!json_is_object(device))
        return NULL;
    int votes = (int)wire_get_integer(device, "votes", 0);
    return g_strdup_printf("%s: %s, %d vote%s, %s, %s%s", wire_get_string(device, "host", "?"),
                           device_votes(device) ? "votes" : "GIVES NO VOTE", votes,
                           votes == 1 ? "" : "s", wire_get_string(device, "algorithm", "?"),
                           wire_get_string(device, "state", "not known"),
                           g_str_has_prefix(wire_get_string(device, "tls", ""), "Yes") ? ", TLS"
                                                                                       : "");
}

char *member_words(const json_t *node, double now)
{
    char age[16];
    if (wire_get_boolean(node, "local", FALSE))
        return g_strdup("asked");
    if (wire_get_boolean(node, "member", FALSE))
        return g_strdup("member");
    gint64 since = wire_get_integer(node, "lost_since", 0);
    if (since <= 0)
        return g_strdup("NOT SEEN");
    units_duration(MAX(now - (double)since, 0), age, sizeof age);
    return g_strdup_printf("NOT SEEN %s", age);
}
