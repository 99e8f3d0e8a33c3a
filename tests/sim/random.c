#include "tests/sim/random.h"

static guint64 splitmix(guint64 *state)
{
    guint64 z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static guint64 rotate_left(guint64 value, guint bits)
{
    return value << bits | value >> (64 - bits);
}

void random_seed(Random *random, guint64 seed)
{
    for (guint i = 0; i < 4; i++)
        random->state[i] = splitmix(&seed);
}

guint64 random_next(Random *random)
{
    guint64 *s = random->state;
    guint64 result = rotate_left(s[1] * 5, 7) * 9;
    guint64 t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

guint random_below(Random *random, guint below)
{
    return (guint)(((random_next(random) >> 32) * below) >> 32);
}

gboolean random_once_in(Random *random, guint times)
{
    return times > 0 && random_below(random, times) == 0;
}

guint64 random_mix(guint64 a, guint64 b)
{
    guint64 state = a ^ rotate_left(b, 32);
    (void)splitmix(&state);
    state ^= b;
    return splitmix(&state);
}
