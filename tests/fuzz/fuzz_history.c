/* Bytes as a history's file. Even inputs are taken as they are; odd ones are changes to
 * a sound file, whose length and checksum are then put right, so that what lies behind
 * them is reached. What loads must answer, take figures, and save and load again. */
#include "backend/node/history.h"
#include "backend/node/history_ring.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

enum { LENGTH_AT = 16, CHECKSUM_AT = 24, PATCH = 4 };

static const HistoryTime now = {.up = 5000000, .wall = G_GINT64_CONSTANT(1795392000000)};

static GBytes *sound_file(void)
{
    History *history = history_new(now);
    double values[HISTORY_GUEST_COUNT] = {1, 2, 3, 4, 5, 6, 7};
    for (int second = 0; second < 700; second++) {
        HistoryTime time = {.up = now.up + second * 1000, .wall = now.wall};
        g_assert_true(history_add(history, HISTORY_GUEST, "vm/100", NULL, time, values, NULL));
    }
    GBytes *bytes = history_save_bytes(history, now, "boot");
    history_free(history);
    return bytes;
}

static void put_right(guint8 *file, size_t length)
{
    if (length < CHECKSUM_AT + 8)
        return;
    guint64 whole = GUINT64_TO_LE((guint64)length);
    memcpy(file + LENGTH_AT, &whole, 8);
    guint64 sum = GUINT64_TO_LE(history_checksum(file, length));
    memcpy(file + CHECKSUM_AT, &sum, 8);
}

static void use(History *history)
{
    double values[HISTORY_GUEST_COUNT] = {0};
    (void)history_add(history, HISTORY_GUEST, "vm/100", NULL, now, values, NULL);
    for (int span = 0; span < HISTORY_SPAN_COUNT; span++) {
        HistoryAnswer answer;
        if (!history_query(history, "vm/100", (HistorySpan)span, 0, now, &answer, NULL))
            continue;
        g_assert_cmpuint(answer.points, <=, 372);
        history_answer_clear(&answer);
    }
    GBytes *bytes = history_save_bytes(history, now, "boot");
    size_t length;
    const guint8 *data = g_bytes_get_data(bytes, &length);
    History *again = history_load_bytes(data, length, now, "boot", NULL);
    g_assert_nonnull(again);
    history_free(again);
    g_bytes_unref(bytes);
}

static void load(const guint8 *data, size_t size)
{
    GError *error = NULL;
    History *history = history_load_bytes(data, size, now, "boot", &error);
    g_assert_true(history != NULL || error != NULL);
    if (history)
        use(history);
    history_free(history);
    g_clear_error(&error);
}

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    static GBytes *sound;
    if (size < 3)
        return 0;
    if (!(data[0] & 1)) {
        load(data + 1, size - 1);
        return 0;
    }
    if (!sound)
        sound = sound_file();
    size_t length;
    const guint8 *file = g_bytes_get_data(sound, &length);
    guint8 *copy = g_memdup2(file, length);
    /* The first change is where to cut it off; most changes hit the head. */
    size_t cut = (size_t)(data[1] | data[2] << 8);
    for (size_t at = 3; at + PATCH <= size; at += PATCH) {
        size_t place = (size_t)(data[at] | data[at + 1] << 8);
        copy[(data[at + 2] & 1 ? place : place % 320) % length] = data[at + 3];
    }
    length = cut && cut < length ? cut : length;
    put_right(copy, length);
    load(copy, length);
    g_free(copy);
    return 0;
}
