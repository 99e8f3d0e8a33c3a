/* command/migrate - plans of guests that move, shown and asked about: for guest migrate, and
 * for node drain and undrain, whose plans the node's task makes. */
#pragma once

#include "tui/command/act.h"

/* Shows what guest.plan said of each (an array), as the command's output. */
gboolean move_print_plans(const Act *act, const json_t *plans);
/* Sets the error for so many obstacles; FALSE. */
gboolean move_refuse(guint obstacles, GError **error);
