/* view/shared - what a cluster says for the consoles of all its people, put under what the
 * person's own config.yaml says and what was chosen in the console itself.
 *
 * It comes once a node of the cluster answers, and again when it changes; what does not fit
 * this console is left out as a whole, and said. Of another cluster that is gone to, its own
 * holds. Nothing of it runs a program: see conf_shared_parse().
 */
#pragma once

#include "tui/view/console_private.h"

/* Room for what each of so many clusters says. */
GPtrArray *shared_new(guint clusters);
/* text: of the document; NULL: the cluster says nothing (any more). */
void shared_take(Console *console, const Cluster *cluster, const char *text);
/* Another cluster is shown now. */
void shared_apply(Console *console);
/* The columns of such a table at first: the person's, else the cluster's; NULL: the usual. */
const char *shared_columns(const Console *console, ObjectKind kind);
