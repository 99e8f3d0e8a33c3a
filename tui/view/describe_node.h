/* view/describe_node - a node's facts, and what node.show answers, as pages. */
#pragma once

#include "tui/model/model.h"
#include "tui/view/page.h"

/* The facts beside the charts, from the model alone. */
void describe_node_facts(Page *page, const ModelNode *node);
/* Cores, disks, file systems, programs: what node.show answers. Pure. */
void describe_machine(Page *page, const json_t *node);
