#include "backend/cluster/change_message.h"

#include "backend/cluster/corosync_text.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

static const char *const names[CHANGE_KIND_COUNT] = {
    "here", "propose", "prepared", "refused", "commit", "committed",
    "keep", "kept",    "undo",     "undone",  "latest"};

void change_message_free(ChangeMessage *message)
{
    if (!message)
        return;
    g_free(message->change);
    g_free(message->hash);
    g_free(message->text);
    g_free(message->reason);
    g_free(message);
}

char *change_message_write(const ChangeMessage *message)
{
    g_autoptr(json_t) object =
        json_pack("{s:s,s:o,s:o,s:o,s:o,s:I,s:i}", "kind", names[message->kind], "change",
                  wire_string(message->change ? message->change : ""), "hash",
                  wire_string(message->hash ? message->hash : ""), "text",
                  wire_string(message->text ? message->text : ""), "reason",
                  wire_string(message->reason ? message->reason : ""), "version",
                  (json_int_t)message->version, "without", (int)message->without);
    return json_dumps(object, WIRE_DUMP);
}

static gboolean read_kind(const char *name, ChangeKind *kind)
{
    for (int i = 0; i < CHANGE_KIND_COUNT; i++)
        if (strcmp(name, names[i]) == 0) {
            *kind = (ChangeKind)i;
            return TRUE;
        }
    return FALSE;
}

static gboolean take(const json_t *object, const char *key, size_t max, char **out)
{
    const char *text = wire_get_string(object, key, NULL);
    if (!text || strlen(text) > max)
        return FALSE;
    *out = g_strdup(text);
    return TRUE;
}

ChangeMessage *change_message_read(const void *data, size_t size, GError **error)
{
    g_autoptr(ChangeMessage) message = g_new0(ChangeMessage, 1);
    g_autoptr(json_t) object = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
    gint64 version = wire_get_integer(object, "version", -1);
    gint64 without = wire_get_integer(object, "without", -1);
    if (object && read_kind(wire_get_string(object, "kind", ""), &message->kind) &&
        take(object, "change", CHANGE_ID_MAX, &message->change) &&
        take(object, "hash", CHANGE_ID_MAX, &message->hash) &&
        take(object, "text", COROSYNC_TEXT_MAX, &message->text) &&
        take(object, "reason", CHANGE_REASON_MAX, &message->reason) && version >= 0 &&
        without >= 0 && without <= G_MAXINT32) {
        message->version = (guint64)version;
        message->without = (guint)without;
        return g_steal_pointer(&message);
    }
    wire_error_set(
        error, WIRE_ERROR_PARSE,
        "a message about corosync.conf is not understood: do all nodes have the same "
        "version of Gantry?");
    return NULL;
}

char *change_hash(const char *text)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}
