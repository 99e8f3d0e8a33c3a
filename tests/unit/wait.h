/* unit/wait - run the main context until something is so, at most ten seconds.
 *
 *     WAIT_FOR(counter == 3);
 */
#pragma once

#include <glib.h>

static inline gboolean wait_is_over(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

#define WAIT_FOR(condition)                                                                    \
    do {                                                                                       \
        gboolean wait_over = FALSE;                                                            \
        guint wait_source = g_timeout_add_seconds(10, wait_is_over, &wait_over);               \
        while (!(condition) && !wait_over)                                                     \
            g_main_context_iteration(NULL, TRUE);                                              \
        if (wait_over)                                                                         \
            g_error("%s:%d: waited in vain for: %s", __FILE__, __LINE__, #condition);          \
        g_source_remove(wait_source);                                                          \
    } while (0)
