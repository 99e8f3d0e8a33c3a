/* move/check - whether a guest that another node offers could live here. Blocks: for a
 * worker (the method migration.check) and for the process of a reception. */
#pragma once

#include "backend/guest/driver.h"
#include "backend/guest/move_offer.h"

/* storage: the directory that the offer's storage means here, or NULL. A new verdict. */
MoveVerdict *move_check(const GuestSettings *settings, const MoveOffer *offer,
                        const char *storage, GError **error);

/* Where a guest is, by its driver's word: {"defined","active","paused","working"}. A new
 * object. abort: a job that libvirt still does on it shall be given up. */
json_t *move_look(const GuestSettings *settings, GuestKind kind, const char *native,
                  gboolean abort, GError **error);
