#include "agent/identity.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

enum { GROUPS_MAX = 1024, NAME_BUFFER = 65536 };

int identity_peer(int descriptor, uid_t *uid, pid_t *pid)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return -1;
    *uid = peer.uid;
    *pid = peer.pid;
    return 0;
}

static GStrv group_names(const char *user, gid_t primary)
{
    gid_t ids[GROUPS_MAX];
    int count = GROUPS_MAX;
    if (getgrouplist(user, primary, ids, &count) < 0)
        count = GROUPS_MAX;
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    g_autofree char *buffer = g_malloc(NAME_BUFFER);
    for (int i = 0; i < count; i++) {
        struct group entry, *found = NULL;
        if (getgrgid_r(ids[i], &entry, buffer, NAME_BUFFER, &found) == 0 && found)
            g_strv_builder_add(names, found->gr_name);
    }
    return g_strv_builder_end(names);
}

Identity *identity_resolve(uid_t uid, pid_t pid)
{
    Identity *identity = g_new0(Identity, 1);
    identity->uid = uid;
    identity->pid = pid;
    struct passwd entry, *found = NULL;
    g_autofree char *buffer = g_malloc(NAME_BUFFER);
    if (getpwuid_r(uid, &entry, buffer, NAME_BUFFER, &found) == 0 && found) {
        identity->user = g_strdup(found->pw_name);
        identity->groups = group_names(found->pw_name, found->pw_gid);
    } else {
        identity->user = g_strdup_printf("uid %u", (unsigned)uid);
        identity->groups = g_new0(char *, 1);
    }
    return identity;
}

WireRole identity_role(const Identity *identity, const AgentConfig *config)
{
    if (identity->uid == 0)
        return WIRE_ROLE_ADMIN;
    for (WireRole role = WIRE_ROLE_ADMIN; role > WIRE_ROLE_NONE; role--) {
        const AgentRole *members = &config->roles[role];
        if (g_strv_contains((const char *const *)members->users, identity->user))
            return role;
        for (char **group = identity->groups; *group; group++)
            if (g_strv_contains((const char *const *)members->groups, *group))
                return role;
    }
    return WIRE_ROLE_NONE;
}

void identity_free(Identity *identity)
{
    if (!identity)
        return;
    g_free(identity->user);
    g_free(identity->peer);
    g_strfreev(identity->groups);
    g_free(identity);
}
