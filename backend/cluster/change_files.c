#include "backend/cluster/change_files.h"

#include "backend/cluster/change_message.h"
#include "backend/wire/error.h"

#include <string.h>

/* The new text, if it may be this node's. It may have another cluster name: it comes from a
 * member of this very cluster, which was renamed. */
static CorosyncText *judge(const char *node, const char *text, GError **error)
{
    g_autoptr(CorosyncText) fresh = corosync_conf_parse(text, strlen(text), error);
    if (!fresh)
        return NULL;
    CorosyncNode *own = corosync_conf_node(fresh, node);
    if (!own) {
        wire_error_set(error, WIRE_ERROR_CONFLICT, "the new corosync.conf has no node %s",
                       node);
        return NULL;
    }
    corosync_node_free(own);
    return g_steal_pointer(&fresh);
}

gboolean change_files_prepare(int directory, const char *node, const char *text,
                              const char *base, GError **error)
{
    g_autoptr(CorosyncText) present = corosync_file_load(directory, COROSYNC_CONF, error);
    g_autoptr(CorosyncText) fresh = present ? judge(node, text, error) : NULL;
    if (!fresh)
        return FALSE;
    g_autofree char *dump = corosync_text_dump(present);
    g_autofree char *hash = change_hash(dump);
    if (strcmp(hash, base) != 0 ||
        corosync_conf_version(fresh) != corosync_conf_version(present) + 1) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "corosync.conf on %s is another (version %" G_GUINT64_FORMAT
                       ") than the one to be changed: see gantry cluster status",
                       node, corosync_conf_version(present));
        return FALSE;
    }
    return corosync_file_save(directory, COROSYNC_CONF_NEW, fresh, error);
}

gboolean change_files_commit(int directory, GError **error)
{
    g_autoptr(CorosyncText) present = corosync_file_load(directory, COROSYNC_CONF, error);
    return present && corosync_file_save(directory, COROSYNC_CONF_OLD, present, error) &&
           corosync_file_rename(directory, COROSYNC_CONF_NEW, COROSYNC_CONF, error);
}

gboolean change_files_keep(int directory, GError **error)
{
    return corosync_file_remove(directory, COROSYNC_CONF_OLD, error) &&
           corosync_file_remove(directory, COROSYNC_CONF_NEW, error);
}

gboolean change_files_undo(int directory, guint64 version, gboolean *undone, GError **error)
{
    gboolean was = corosync_file_exists(directory, COROSYNC_CONF_OLD);
    if (was) {
        g_autoptr(CorosyncText) old = corosync_file_load(directory, COROSYNC_CONF_OLD, error);
        if (!old)
            return FALSE;
        corosync_conf_set_version(old, version);
        if (!corosync_file_save(directory, COROSYNC_CONF, old, error))
            return FALSE;
    }
    if (!corosync_file_remove(directory, COROSYNC_CONF_NEW, error) ||
        !corosync_file_remove(directory, COROSYNC_CONF_OLD, error))
        return FALSE;
    if (undone)
        *undone = was;
    return TRUE;
}

gboolean change_files_adopt(int directory, const char *node, const char *text, GError **error)
{
    g_autoptr(CorosyncText) present = corosync_file_load(directory, COROSYNC_CONF, error);
    g_autoptr(CorosyncText) fresh = present ? judge(node, text, error) : NULL;
    if (!fresh)
        return FALSE;
    if (corosync_conf_version(fresh) <= corosync_conf_version(present)) {
        wire_error_set(error, WIRE_ERROR_STATE, "%s has no older corosync.conf", node);
        return FALSE;
    }
    return corosync_file_save(directory, COROSYNC_CONF, fresh, error) &&
           corosync_file_remove(directory, COROSYNC_CONF_NEW, error) &&
           corosync_file_remove(directory, COROSYNC_CONF_OLD, error);
}
