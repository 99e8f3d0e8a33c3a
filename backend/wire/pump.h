/* wire/pump - joins two ends of bytes until either is at its end.
 *
 * Blocks. Bytes that one end gives are held (at most PUMP_BUFFER each way) until
 * the other takes them, so neither end is read faster than the other reads.
 */
#pragma once

#include <glib.h>

#define PUMP_BUFFER (64 * 1024)

typedef struct {
    int input;  /* to read from */
    int output; /* to write to; may be the same descriptor */
} PumpEnd;

/* Returns when either input has ended and what it gave is written out, or when
 * an output takes no more. FALSE on an error other than the peer being gone. The
 * descriptors are made non-blocking and stay open. */
gboolean pump_run(PumpEnd left, PumpEnd right, GError **error);
