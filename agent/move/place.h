/* move/place - where the sockets of a move lie, on both of its nodes.
 *
 * /run/libvirt/gantry/ID holds them, ID being twelve hexadecimal digits that the source
 * has drawn. A path is the same on both nodes, because libvirt's migration over Unix
 * sockets names one path for both ends; on the target QEMU listens there, on the source a
 * relay does.
 *
 * The directory is below /run/libvirt and the sockets of VMs are named as libvirt's own for
 * tunnelled migration, since libvirt's AppArmor profile lets QEMU use those. It belongs to the
 * user that QEMU runs as, and nobody else may enter. On the target "control" is the door: the
 * reception listens there, and while it is there others are let in.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

#define MOVE_DIRECTORY "/run/libvirt/gantry"
#define MOVE_DOOR      "control"

/* A new one, random. Caller frees. */
char *move_id_new(void);
gboolean move_id_is_valid(const char *id);
/* A name of a socket: letters, digits, dot, dash, underscore; 1 to 80. */
gboolean move_socket_is_valid(const char *name);

/* Paths; caller frees. id and name must be valid. */
char *move_place_path(const char *id, const char *name);
/* "memory.tunnelmigrate.dest.GUEST", or just the kind where that is too long. */
char *move_place_socket(const char *kind, const char *guest);

gboolean move_place_make(const char *id, uid_t uid, gid_t gid, GError **error);
/* Whoever is let in to libvirt holds the place until libvirt has answered: a descriptor to be
 * closed; -1 when the reception is not there (any more), or has shut the door. */
int move_place_hold(const char *id);
/* Shuts the door: nobody is let in any more. TRUE when nobody holds it (any more), as when it
 * is not there. */
gboolean move_place_shut(const char *id);
/* With what is left in it. No error when it is not there. */
void move_place_remove(const char *id);
