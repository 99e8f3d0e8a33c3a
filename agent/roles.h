/* roles - who has which role in the whole cluster, as its store says.
 *
 *   role/user/NAME, role/group/NAME   {"role": "operator"}
 *
 * They add to what gantryd.yaml of a node gives there: the highest that applies counts, and
 * root is admin everywhere. So a node's file can't take away what the cluster gives, and
 * what a file gives holds on its node also when the store can't be read. They hold at once,
 * for sessions that are open too.
 */
#pragma once

#include "agent/identity.h"
#include "backend/cluster/store.h"

#include <jansson.h>

#define ROLES_NAME_MAX 64 /* bytes of a user's or group's name */

/* WIRE_ROLE_NONE when the store says nothing of this user or the groups. without: a path
 * that is passed over, or NULL. */
WireRole roles_find(const Store *store, const Identity *identity, const char *without);

/* {who, role, revision} each, groups as @NAME: a new array. */
json_t *roles_list(const Store *store);

/* "anna" or "@ops" as a path of the store; NULL: WIRE_ERROR_PARAMS. */
char *roles_path(const char *who, GError **error);
