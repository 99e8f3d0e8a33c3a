/* sim/random - numbers that follow from a seed.
 *
 * xoshiro256** by Blackman and Vigna, its state filled by splitmix64: the same
 * numbers on every machine, whatever its libraries.
 */
#pragma once

#include <glib.h>

typedef struct {
    guint64 state[4];
} Random;

void random_seed(Random *random, guint64 seed);
guint64 random_next(Random *random);
/* From 0 to below. */
guint random_below(Random *random, guint below);
/* True once in so many times; never when it is 0. */
gboolean random_once_in(Random *random, guint times);

/* A well mixed number made of two. */
guint64 random_mix(guint64 a, guint64 b);
