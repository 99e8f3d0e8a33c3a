#include "agent/move/purpose.h"

#include "agent/move/place.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

/* What each says beside what it wants. */
static const struct {
    const char *want;
    gboolean person, id, fresh, name;
} kinds[] = {
    [MOVE_PURPOSE_RPC] = {.want = "rpc", .person = TRUE},
    [MOVE_PURPOSE_RECEPTION] = {.want = "reception", .id = TRUE, .fresh = TRUE},
    [MOVE_PURPOSE_LIBVIRT] = {.want = "libvirt", .id = TRUE},
    [MOVE_PURPOSE_SOCKET] = {.want = "socket", .id = TRUE, .name = TRUE},
};

static gboolean find_kind(const char *want, MovePurposeKind *kind, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i].want, want) == 0) {
            *kind = (MovePurposeKind)i;
            return TRUE;
        }
    wire_error_set(error, WIRE_ERROR_METHOD,
                   "this version of gantryd knows no connection for '%s'", want);
    return FALSE;
}

static gboolean person_is_valid(const char *person)
{
    return person && *person && strlen(person) <= MOVE_PERSON_MAX;
}

gboolean move_purpose_parse(const json_t *line, MovePurpose *purpose, GError **error)
{
    MovePurpose said = {.person = wire_get_string(line, "person", NULL),
                        .id = wire_get_string(line, "id", NULL),
                        .name = wire_get_string(line, "name", NULL)};
    const char *missing = NULL;
    if (!find_kind(wire_get_string(line, "want", ""), &said.kind, error))
        return FALSE;
    if (kinds[said.kind].person && !person_is_valid(said.person))
        missing = "it is not said who asks";
    else if (kinds[said.kind].id && !move_id_is_valid(said.id))
        missing = "no reception is named";
    else if (kinds[said.kind].name && !move_socket_is_valid(said.name))
        missing = "no socket is named";
    if (missing) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "%s", missing);
        return FALSE;
    }
    *purpose = (MovePurpose){.kind = said.kind,
                             .person = kinds[said.kind].person ? said.person : NULL,
                             .id = kinds[said.kind].id ? said.id : NULL,
                             .name = kinds[said.kind].name ? said.name : NULL,
                             .fresh = kinds[said.kind].fresh &&
                                      wire_get_boolean(line, "fresh", FALSE)};
    return TRUE;
}

json_t *move_purpose_line(const MovePurpose *purpose)
{
    json_t *line = json_pack("{s:s}", "want", kinds[purpose->kind].want);
    if (kinds[purpose->kind].person)
        json_object_set_new(line, "person", wire_string(purpose->person));
    if (kinds[purpose->kind].id)
        json_object_set_new(line, "id", json_string(purpose->id));
    if (kinds[purpose->kind].fresh)
        json_object_set_new(line, "fresh", json_boolean(purpose->fresh));
    if (kinds[purpose->kind].name)
        json_object_set_new(line, "name", wire_string(purpose->name));
    return line;
}
