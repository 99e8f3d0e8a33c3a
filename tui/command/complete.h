/* command/complete - `gantry __complete WORD...`: what may follow, a line each.
 *
 * Shells call it on Tab with the words so far, the last one unfinished. Nouns,
 * verbs and options come from the tables; guests' names and tasks from the
 * agent, within COMPLETE_DEADLINE and without asking anybody anything. */
#pragma once

#define COMPLETE_DEADLINE 1500 /* ms */

int complete_run(char *const *words);
