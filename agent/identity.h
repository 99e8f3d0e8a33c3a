/* identity - who is at the other end of a socket, and what role they have.
 *
 * The kernel says which user connected (SO_PEERCRED); the user database says
 * which groups that user is in; the configuration says which role users and
 * groups have. root is always admin. The highest role that applies counts.
 *
 * The user database may hang (LDAP, sssd), so it is asked in a worker thread:
 * identity_resolve() blocks.
 */
#pragma once

#include "backend/wire/vocabulary.h"
#include "conf/agent.h"

#include <glib.h>
#include <sys/types.h>

typedef struct {
    uid_t uid;
    pid_t pid;
    char *user;
    char *peer; /* the node whose agent this is; NULL: a person */
    GStrv groups;
    WireRole role;
} Identity;

/* The peer of a connected Unix socket; -1 and errno on failure. */
int identity_peer(int descriptor, uid_t *uid, pid_t *pid);

/* Name and groups of a user. A user without a name is "uid 1234". Never NULL. */
Identity *identity_resolve(uid_t uid, pid_t pid);
WireRole identity_role(const Identity *identity, const AgentConfig *config);
void identity_free(Identity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_free)
