/* sim - the replicated store against a million bad days, from a seed.
 *
 *     sim [--seed N] [--runs N] [--events N] [--nodes N] [--mutant NAME] [--verbose]
 *
 * Runs worlds (world.h) one after another, each from its own seed, until so many
 * events have passed or so many runs. The first promise that is broken ends it: the
 * seed of that run is printed, and `sim --seed N --runs 1` replays it.
 *
 * With --mutant the protocol is broken in the way named, and it is the aim that this
 * is noticed: the exit status is 0 when it was, within the events given.
 */
#include "tests/sim/world.h"

#include <stdio.h>

#define RUN_EVENTS 6000 /* events of a run, about */

typedef struct {
    const char *name;
    guint faults;
    gboolean torn, lying;
} Mutant;

static const Mutant mutants[] = {
    {"commit-alone", REPLICA_FAULT_COMMIT_ALONE},
    {"ack-unsynced", REPLICA_FAULT_ACK_UNSYNCED},
    {"promise-unsynced", REPLICA_FAULT_PROMISE_UNSYNCED},
    {"adopt-early", REPLICA_FAULT_ADOPT_EARLY},
    {"rank-by-length", REPLICA_FAULT_RANK_BY_LENGTH},
    {"any-epoch", REPLICA_FAULT_ANY_EPOCH},
    {"keep-tail", REPLICA_FAULT_KEEP_TAIL},
    {"view-majority", REPLICA_FAULT_VIEW_MAJORITY},
    {"no-dedupe", REPLICA_FAULT_NO_DEDUPE},
    {"apply-early", REPLICA_FAULT_APPLY_EARLY},
    {"adopt-part", REPLICA_FAULT_ADOPT_PART},
    {"change-anytime", REPLICA_FAULT_CHANGE_ANYTIME},
    {"forget-birth", REPLICA_FAULT_FORGET_BIRTH},
    {"torn-disk", 0, .torn = TRUE},
    {"lying-disk", 0, .lying = TRUE},
};

typedef struct {
    gint64 seed, runs, events;
    int nodes;
    char *mutant;
    gboolean verbose;
} Options;

static const Mutant *find_mutant(const char *name)
{
    static const Mutant none = {"none"};
    if (!name)
        return &none;
    for (size_t i = 0; i < G_N_ELEMENTS(mutants); i++)
        if (g_str_equal(mutants[i].name, name))
            return &mutants[i];
    return NULL;
}

static gboolean parse(int argc, char **argv, Options *options)
{
    const GOptionEntry entries[] = {
        {"seed", 0, 0, G_OPTION_ARG_INT64, &options->seed, "of the first run", "N"},
        {"runs", 0, 0, G_OPTION_ARG_INT64, &options->runs, "at most", "N"},
        {"events", 0, 0, G_OPTION_ARG_INT64, &options->events, "of all runs", "N"},
        {"nodes", 0, 0, G_OPTION_ARG_INT, &options->nodes, "at most", "N"},
        {"mutant", 0, 0, G_OPTION_ARG_STRING, &options->mutant, "to be found out", "NAME"},
        {"verbose", 0, 0, G_OPTION_ARG_NONE, &options->verbose, "each run", NULL},
        {0}};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "sim: %s\n", error->message);
        return FALSE;
    }
    const Mutant *mutant = find_mutant(options->mutant);
    if (!mutant || options->nodes < 1 || options->nodes > WORLD_NODES_MAX) {
        fprintf(stderr, "sim: no such mutant, or not 1 to %d nodes\n", WORLD_NODES_MAX);
        return FALSE;
    }
#ifndef REPLICA_MUTANTS
    if (mutant->faults) {
        fprintf(stderr, "sim: this is built without mutants of the protocol\n");
        return FALSE;
    }
#endif
    return TRUE;
}

static void print_failure(const World *world)
{
    printf("BROKEN with seed %" G_GUINT64_FORMAT " after %" G_GUINT64_FORMAT
           " events of %u nodes: %s\n",
           world->seed, world->events, world->node_count, world->failure);
}

int main(int argc, char **argv)
{
    Options options = {.seed = 1, .runs = G_MAXINT64, .events = 100000, .nodes = 32};
    if (!parse(argc, argv, &options))
        return 2;
    const Mutant *mutant = find_mutant(options.mutant);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    gint64 events = 0, runs = 0, began = g_get_monotonic_time();
    gboolean good = TRUE;
    while (good && runs < options.runs && events < options.events) {
        World *world = world_new((guint64)(options.seed + runs), (guint)options.nodes,
                                 mutant->faults, mutant->torn, mutant->lying);
        good = world_run(world, RUN_EVENTS);
        events += (gint64)world->events;
        runs++;
        if (options.verbose)
            printf("seed %" G_GUINT64_FORMAT ": %u nodes, %" G_GUINT64_FORMAT " events\n",
                   world->seed, world->node_count, world->events);
        if (!good)
            print_failure(world);
        if (!good && !options.mutant) {
            world_print_trace(world);
            world_print_nodes(world);
        }
        world_free(world);
    }
    double seconds = (double)(g_get_monotonic_time() - began) / 1e6;
    printf("%" G_GINT64_FORMAT " runs, %" G_GINT64_FORMAT " events, %.1f s, %.0f a second\n",
           runs, events, seconds, (double)events / seconds);
    gboolean is_whole = !options.mutant;
    g_free(options.mutant);
    return good == is_whole ? 0 : 1;
}
