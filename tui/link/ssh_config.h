/* link/ssh_config - what libssh 0.10 leaves out of ssh_config(5).
 *
 * libssh reads the file too (ssh_options_parse_config) and applies HostName,
 * ciphers and so on to its session. But once it has seen a HostName it compares the
 * Host lines that follow with that, where ssh still takes the name that was asked for;
 * so User, Port and UserKnownHostsFile are read here. It does not
 * read CertificateFile, HostKeyAlias and IdentitiesOnly, does not tell StrictHostKeyChecking
 * and the list of IdentityFiles, and turns ProxyJump into a run of the ssh program, whose
 * questions would land in the middle of the screen. These and
 * ProxyCommand are read here.
 *
 * Host with patterns and negation, Include with ~ and globs (at most 16 deep),
 * and Match with all, host, originalhost, user and localuser are understood; a
 * Match with another criterion (exec, canonical, final) does not match. As in
 * ssh, the first value wins, and IdentityFile and CertificateFile add up.
 */
#pragma once

#include <glib.h>

typedef struct {
    GPtrArray *identities;   /* char *, paths with ~ and tokens expanded; never NULL */
    GPtrArray *certificates; /* the same */
    gboolean identities_only;
    char *login;         /* User, or NULL */
    int port;            /* 0: none is given */
    char *known_hosts;   /* UserKnownHostsFile, the first, not expanded, or NULL */
    char *strict;        /* StrictHostKeyChecking in lower case, or NULL */
    char *key_alias;     /* HostKeyAlias: the name in known_hosts, or NULL */
    char *proxy_jump;    /* user@host:port, with commas; NULL or "none" when there is none */
    char *proxy_command; /* not expanded; NULL when there is none */
} SshConfig;

/* file: read instead of ~/.ssh/config and /etc/ssh/ssh_config, or NULL. user may
 * be NULL. A file that can't be read counts as empty, as ssh does with those two;
 * for a file that was asked for it is WIRE_ERROR_CONFIG. */
SshConfig *ssh_config_read(const char *file, const char *host, const char *user,
                           GError **error);
void ssh_config_free(SshConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SshConfig, ssh_config_free)

/* Puts %h, %n, %p, %r, %d, %u, %% into a text of ssh_config and home for a
 * leading ~/. Caller frees. */
char *ssh_config_expand(const char *text, const char *host, const char *user, int port);
