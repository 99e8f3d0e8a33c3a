/* view/describe_cluster - what cluster.status answers, as a page: what is wrong and what to do
 * first, then votes, nodes and links. Pure. */
#pragma once

#include "tui/view/page.h"

void describe_cluster(Page *page, const json_t *status);
