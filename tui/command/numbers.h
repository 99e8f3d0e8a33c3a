/* command/numbers - which guests of a node that joins a cluster get other numbers there.
 *
 * Pure: a forecast by the rule that the agents follow (agent/guest_documents.h). A guest
 * keeps its number where it is free; else it gets the lowest one from 100 that is free on
 * all. Which of several gets which may turn out otherwise: they claim at the same time.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct {
    char *id, *name;
    int number; /* the new one */
} NumberChange;

/* taken: numbers of the cluster, a set that what the joiner brings is added to. guests: the
 * joiner's, as cluster.guests answers. Of NumberChange, in the guests' order. */
GPtrArray *numbers_forecast(GHashTable *taken, const json_t *guests);
/* Adds the numbers of guests to a set. */
void numbers_take(GHashTable *taken, const json_t *guests);
