#include "tui/model/device.h"

#include "backend/wire/message.h"

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
