/* looks - who waits until a guest was looked at.
 *
 * What a task did to a guest is known a moment after the task's end: the driver
 * hears of it by an event, or looks when asked. Whoever would rather tell the end
 * when everybody can see it waits here for that look. The wait is short and always
 * ends, also when the driver is silent: then after LOOK_PATIENCE_MS.
 *
 * Owned by the table of guests; all in the main context.
 */
#pragma once

#include <glib.h>

#define LOOK_PATIENCE_MS 1000

typedef struct Looks Looks;

Looks *looks_new(void);
/* Nobody is called any more. Accepts NULL. */
void looks_free(Looks *looks);

typedef void (*LookDone)(gpointer user);
/* done is called once, never from within; user is then let go with release. */
void looks_add(Looks *looks, const char *native, LookDone done, gpointer user,
               GDestroyNotify release);
/* It was looked at, or is gone: calls those who wait for it. */
void looks_end(Looks *looks, const char *native);
