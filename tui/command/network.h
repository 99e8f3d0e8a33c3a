/* command/network - which of a machine's addresses is in a network of another's. Pure. */
#pragma once

#include <glib.h>
#include <jansson.h>

/* links: what link.list answered, or an object with its member links. The first of `theirs`
 * that is in the network in which `own` is an address of `links`; without its prefix length,
 * to be g_freed, or NULL. */
char *network_choose(const json_t *links, const char *own, const json_t *theirs);
/* Is that address, another machine's, in the network of `own`, one of `links`? */
gboolean network_reaches(const json_t *links, const char *own, const char *address);
/* Is it one of those addresses? */
gboolean network_has(const json_t *links, const char *address);
