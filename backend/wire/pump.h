/* wire/pump - joins two ends of bytes: a person's or console's on the left, an
 * agent's on the right.
 *
 * Blocks. Bytes that one end gives are held (at most PUMP_BUFFER each way) until
 * the other takes them, so neither end is read faster than the other reads.
 *
 * At the end of the left's input the right, if it is a socket, is told so
 * (shutdown), and what it still has to say goes on: a program that reads to the
 * end of its input can answer after it. The same when the right takes no more.
 */
#pragma once

#include <glib.h>

#define PUMP_BUFFER ((size_t)64 << 10)

typedef struct {
    int input;  /* to read from */
    int output; /* to write to; may be the same descriptor */
} PumpEnd;

/* Returns when the right has ended and what it gave is written out, when the left's
 * output takes no more, or at the left's end where the right is no socket. FALSE on an error
 * other than the peer being gone. The descriptors are made non-blocking and stay open. */
gboolean pump_run(PumpEnd left, PumpEnd right, GError **error);
