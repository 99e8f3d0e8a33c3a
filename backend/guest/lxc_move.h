/* guest/lxc_move - moving a container: its directory LXCPATH/NAME, whose tree is copied
 * file by file, and whose configuration makes it a container.
 *
 * A container is where its file "config" is. At the target it is written last, at the
 * source it is put aside (LXC_MOVED) before the target starts it, and either can be taken
 * back. Ownership stays by number, so that a container of mapped users finds its files.
 */
#pragma once

#include "backend/guest/driver.h"
#include "backend/guest/move_offer.h"

#define LXC_MOVED "config.gantry-moved"

/* What there is of it; what stands in the way here goes into verdict. */
MoveOffer *lxc_move_offer(const GuestSettings *settings, const char *native,
                          const MoveOffer *wish, int mode, MoveVerdict *verdict,
                          GError **error);
gboolean lxc_move_check(const GuestSettings *settings, const MoveOffer *offer,
                        MoveVerdict *verdict, GError **error);

/* Whether it is a container here; *running (may be NULL): and runs. */
gboolean lxc_move_exists(const GuestSettings *settings, const char *native, gboolean *running);
/* The empty directory of one that comes. */
gboolean lxc_move_make(const char *native, GError **error);
/* Writes its configuration: from now on it is here. */
gboolean lxc_move_define(const char *native, const char *config, GError **error);
/* Puts its configuration aside, and back. Either is no error when it was done already. */
gboolean lxc_move_hide(const char *native, GError **error);
gboolean lxc_move_show(const char *native, GError **error);
/* Removes the whole directory of one that is no container any more, or not yet. */
gboolean lxc_move_remove(const char *native, GError **error);
