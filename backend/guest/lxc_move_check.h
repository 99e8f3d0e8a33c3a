/* guest/lxc_move_check - what in a container's configuration another node may lack. Pure. */
#pragma once

#include "backend/guest/move_offer.h"

/* Whether a text as /etc/subuid ("root:100000:65536") gives root these ids, in one entry, as
 * newuidmap wants it. */
gboolean lxc_subids_hold(const char *subids, guint64 first, guint64 count);
/* The obstacles of lines of lxc.idmap ("u 0 100000 65536") with /etc/subuid and /etc/subgid
 * there; a text is NULL where ids need not be given, since there is no newuidmap. */
void lxc_check_idmap(const char *lines, const char *subuid, const char *subgid,
                     MoveVerdict *verdict);
/* Limits count only as lxc.cgroup.* (v1) or lxc.cgroup2.* (v2), as what is mounted; those of
 * the other kind are ignored, without a word. Between nodes that differ in this a
 * configuration needs both. */
void lxc_check_cgroup(const MoveOffer *offer, gboolean v2, MoveVerdict *verdict);
/* profiles: as in /sys/kernel/security/apparmor/profiles; NULL: there is no AppArmor. */
void lxc_check_apparmor(const char *profile, const char *profiles, MoveVerdict *verdict);
