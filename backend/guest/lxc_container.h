/* guest/lxc_container - finding and opening one container.
 *
 * A container is named by its native identifier "LXCPATH/NAME". It exists when
 * LXCPATH is one of the configured paths and LXCPATH/NAME/config is there.
 *
 * liblxc is quiet here: it writes no log of its own, except to the file that a
 * container's configuration names. Opening a container never has the side effect
 * that lxc_container_new() has: removing a container whose making was interrupted
 * (LXCPATH/NAME/partial exists and nobody holds its lock).
 *
 * Calls that talk to a container's monitor (state, init_pid, running items, and
 * everything that acts) wait for as long as the monitor takes, which is for ever
 * when it is stopped; callers run them where waiting is allowed.
 */
#pragma once

#include "backend/guest/driver.h"

#include <lxc/lxccontainer.h>
#include <sys/types.h>

#define LXC_NAME_LIMIT   255        /* bytes of a container's name */
#define LXC_CONFIG_LIMIT (1u << 20) /* bytes of a configuration file */

typedef struct lxc_container LxcHandle;

static inline void lxc_handle_free(LxcHandle *handle)
{
    if (handle)
        lxc_container_put(handle);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LxcHandle, lxc_handle_free)

/* Makes liblxc quiet; safe to call from any thread, again and again. */
void lxc_silence(void);

/* Whether this can be a container's name: not empty, no slash, not hidden, and
 * only letters, digits, '.', '_' and '-', which is what lxc-create takes. */
gboolean lxc_name_valid(const char *name);

/* Splits a native identifier. *path is one of the settings' (borrowed), *name is
 * to be freed. WIRE_ERROR_NOT_FOUND when it is not under a configured path. */
gboolean lxc_native_split(const GuestSettings *settings, const char *native, const char **path,
                          char **name, GError **error);

/* The directory of a container as a descriptor (the caller closes it), with its
 * configuration there. WIRE_ERROR_NOT_FOUND when either is missing. */
int lxc_directory_open(const char *path, const char *name, GError **error);

/* Opens a container and loads its configuration with all that it includes.
 * WIRE_ERROR_NOT_FOUND when it does not exist, WIRE_ERROR_STATE while it is being
 * made, WIRE_ERROR_CONFIG when liblxc does not take its configuration. */
LxcHandle *lxc_handle_open(const char *path, const char *name, GError **error);

/* Has liblxc read a configuration of a container that is not here, with what it includes here.
 * WIRE_ERROR_CONFIG when it does not take it. */
LxcHandle *lxc_handle_try(const char *config, GError **error);

/* A configuration item, stripped, or NULL when empty or unknown. For a key given
 * more than once, all values, one a line. */
char *lxc_handle_item(LxcHandle *handle, const char *key);

/* liblxc's word for a state ("RUNNING") as ours. */
GuestState lxc_state_parse(const char *word);

/* Whether a monitor of this container listens: liblxc's command socket has the
 * abstract name LXCPATH/NAME/command. Asks the kernel only and never waits. */
gboolean lxc_monitor_listens(const char *path, const char *name);
