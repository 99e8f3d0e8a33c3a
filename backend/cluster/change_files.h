/* cluster/change_files - what a change of corosync.conf does to one node's files.
 *
 * The steps of change_message.h on disk, below the directory of corosync_files.h. Each may
 * be done again, and each leaves a whole and checked corosync.conf in force. All block.
 */
#pragma once

#include "backend/cluster/corosync_files.h"

/* Checks the text against the file in force (whose hash must be base): the next version,
 * this node in it; and writes it beside. STATE when the file is another. */
gboolean change_files_prepare(int directory, const char *node, const char *text,
                              const char *base, GError **error);
/* What was prepared comes into force, the file before it is kept. */
gboolean change_files_commit(int directory, GError **error);
/* What lies beside the file goes. */
gboolean change_files_keep(int directory, GError **error);
/* The file before comes back with this version, if the change came into force; *undone (may
 * be NULL) says whether it had. */
gboolean change_files_undo(int directory, guint64 version, gboolean *undone, GError **error);
/* Takes over a text of a higher version with this node in it. */
gboolean change_files_adopt(int directory, const char *node, const char *text, GError **error);
