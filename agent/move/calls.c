#include "agent/move/calls.h"

#include <string.h>

enum { KEEPALIVE_PROGRAM = 0x6b656570, LENGTH_MAX = 64 << 20 };

/* Both with file descriptors, too, which no other machine can pass. */
typedef enum { TYPE_CALL = 0, TYPE_REPLY = 1 } Type;

static guint32 read_number(const MoveCallsWay *way, guint index)
{
    guint32 number;
    memcpy(&number, way->head + (gsize)index * sizeof number, sizeof number);
    return GUINT32_FROM_BE(number);
}

static void end_message(MoveCalls *calls, MoveCallsWay *way)
{
    guint32 program = read_number(way, 1), type = read_number(way, 4);
    way->got = 0;
    if (program == KEEPALIVE_PROGRAM)
        return;
    if (way == &calls->asked && type == TYPE_CALL)
        calls->waiting++;
    else if (way == &calls->answered && type == TYPE_REPLY && calls->waiting > 0)
        calls->waiting--;
}

static void begin_rest(MoveCalls *calls, MoveCallsWay *way)
{
    guint32 length = read_number(way, 0);
    calls->strange = length < MOVE_CALLS_HEAD || length > LENGTH_MAX;
    way->left = calls->strange ? 0 : length - MOVE_CALLS_HEAD;
}

void move_calls_pass(MoveCalls *calls, gboolean asked, const void *data, gsize size)
{
    MoveCallsWay *way = asked ? &calls->asked : &calls->answered;
    const guint8 *bytes = data;
    while (size > 0 && !calls->strange) {
        gboolean in_head = way->got < MOVE_CALLS_HEAD;
        gsize room = in_head ? MOVE_CALLS_HEAD - way->got : way->left;
        gsize taken = MIN(room, size);
        if (in_head) {
            memcpy(way->head + way->got, bytes, taken);
            way->got += taken;
            if (way->got == MOVE_CALLS_HEAD)
                begin_rest(calls, way);
        } else {
            way->left -= taken;
        }
        bytes += taken;
        size -= taken;
        if (way->got == MOVE_CALLS_HEAD && way->left == 0 && !calls->strange)
            end_message(calls, way);
    }
}

guint move_calls_waiting(const MoveCalls *calls)
{
    return calls->strange ? 0 : calls->waiting;
}
