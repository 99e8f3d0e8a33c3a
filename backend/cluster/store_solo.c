#include "backend/cluster/store_transport.h"

#define GROUP_MAX 256 /* transactions in one write */

typedef struct {
    guint64 next;     /* the first ticket not yet sent to the disk */
    guint64 end;      /* one after the last ticket submitted */
    gboolean writing; /* a PERSIST is outstanding */
} SoloState;

static gpointer solo_begin(void)
{
    return g_new0(SoloState, 1);
}

static void add_action(GArray *actions, StoreActionKind kind, guint64 first, guint64 last)
{
    StoreAction action = {kind, first, last};
    g_array_append_val(actions, action);
}

static void solo_step(gpointer data, const StoreEvent *event, GArray *actions)
{
    SoloState *state = data;
    switch (event->kind) {
    case STORE_SUBMITTED:
        if (state->next == state->end)
            state->next = event->first;
        state->end = event->last + 1;
        break;
    case STORE_PERSISTED:
        state->writing = FALSE;
        add_action(actions, STORE_COMMIT, event->first, event->last);
        break;
    case STORE_FAILED:
        state->writing = FALSE;
        add_action(actions, STORE_REFUSE, event->first, event->last);
        break;
    }
    if (state->writing || state->next == state->end)
        return;
    guint64 first = state->next;
    state->next = MIN(first + GROUP_MAX, state->end);
    state->writing = TRUE;
    add_action(actions, STORE_PERSIST, first, state->next - 1);
}

const StoreTransport store_transport_solo = {
    .name = "solo",
    .begin = solo_begin,
    .end = g_free,
    .step = solo_step,
};
