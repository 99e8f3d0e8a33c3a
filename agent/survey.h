/* survey - what this node is, as far as it takes time to find out.
 *
 * A table of questions (survey.c), each with its pace, is put to workers; the
 * answers are JSON objects. Those about the node as a whole go into its object in
 * the inventory; the longer ones (disks, file systems) are kept for node.show. A
 * question that is not answered in time keeps its last answer.
 *
 * File systems are measured one worker each, so that a dead one, which is listed
 * with the time it has been silent, does not hide the others.
 */
#pragma once

#include "agent/agent.h"

#include <jansson.h>

typedef struct Survey Survey;

Survey *survey_new(Agent *agent);
void survey_free(Survey *survey);

/* disks, filesystems, system, cpu_model...: a new object for node.show. */
json_t *survey_detail(const Survey *survey);
