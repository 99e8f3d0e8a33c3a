#include "tui/command/numbers.h"

#include "backend/wire/message.h"
#include "backend/wire/vocabulary.h"

static void change_free(gpointer data)
{
    NumberChange *change = data;
    g_free(change->id);
    g_free(change->name);
    g_free(change);
}

/* 0 when it is no identifier. */
static int number_of(const json_t *guest)
{
    GuestKind kind;
    int number = 0;
    (void)guest_id_parse(wire_get_string(guest, "id", ""), &kind, &number);
    return number;
}

void numbers_take(GHashTable *taken, const json_t *guests)
{
    size_t index;
    const json_t *guest;
    json_array_foreach((json_t *)(gintptr)guests, index, guest)
    {
        g_hash_table_add(taken, GINT_TO_POINTER(number_of(guest)));
    }
}

static int lowest_free(GHashTable *taken, int from)
{
    while (g_hash_table_contains(taken, GINT_TO_POINTER(from)))
        from++;
    return from;
}

GPtrArray *numbers_forecast(GHashTable *taken, const json_t *guests)
{
    GPtrArray *changes = g_ptr_array_new_with_free_func(change_free);
    size_t index;
    const json_t *guest;
    json_array_foreach((json_t *)(gintptr)guests, index, guest)
    {
        int number = number_of(guest);
        if (number == 0 || g_hash_table_add(taken, GINT_TO_POINTER(number)))
            continue;
        NumberChange *change = g_new0(NumberChange, 1);
        change->id = g_strdup(wire_get_string(guest, "id", ""));
        change->name = g_strdup(wire_get_string(guest, "name", ""));
        g_ptr_array_add(changes, change);
    }
    /* Those that keep theirs come first. */
    int next = GUEST_NUMBER_MIN;
    for (guint i = 0; i < changes->len; i++) {
        NumberChange *change = changes->pdata[i];
        change->number = next = lowest_free(taken, next);
        g_hash_table_add(taken, GINT_TO_POINTER(next));
    }
    return changes;
}
