/* guest/lxc_config - a container's configuration as the text that its owner wrote.
 *
 * liblxc's save_config() writes the file anew, without its comments and with all
 * that it includes. Here single lines are changed and every other byte is kept.
 * Files are reached through a descriptor of the container's directory; a symbolic
 * link in the file's place is refused.
 *
 * Format: lxc.container.conf(5): lines "key = value", comments with '#'; of a key
 * given twice the last one counts, and "lxc.include = FILE" reads FILE there.
 */
#pragma once

#include <glib.h>

/* The text of DIRECTORY/config. WIRE_ERROR_NOT_FOUND, WIRE_ERROR_LIMIT (over
 * LXC_CONFIG_LIMIT), WIRE_ERROR_CONFIG (not text, or no plain file). Caller frees. */
char *lxc_config_read(int directory, GError **error);

/* Puts text in the place of DIRECTORY/config: after a crash there is the old file
 * or the new one. Owner and mode are kept. WIRE_ERROR_CONFLICT when the file no
 * longer holds before. */
gboolean lxc_config_write(int directory, const char *before, const char *text, GError **error);

/* The first half of the same: leaves the text as DIRECTORY/name, durable. */
gboolean lxc_config_prepare(int directory, const char *name, const char *text, GError **error);

/* The rest is pure; results are to be freed. */

/* The text with key set to value: on the last line that sets it, or, when there is
 * none or a later include could undo it, on a new line at the end. */
char *lxc_config_set(const char *text, const char *key, const char *value);

/* The value of the last line that sets key, or NULL. */
char *lxc_config_find(const char *text, const char *key);

/* The text for a container whose directory moved: in values (not in comments) the
 * path is replaced where it stands as a whole path or the beginning of one, and
 * lxc.uts.name where it was the old name. */
char *lxc_config_move(const char *text, const char *old_directory, const char *new_directory);
