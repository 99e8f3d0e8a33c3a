/* guest/lxc_pump - carries bytes between a person and a program in a container.
 *
 * One buffer for each direction, and a side is read only when what was read
 * before is written: a peer that does not read stops the program, not the
 * machine's memory. Lines "resize ROWS COLUMNS" on the control descriptor set the
 * size of the terminal; other lines are left out, and so are sizes over
 * LXC_PUMP_SIZE_MAX. Descriptors stay the caller's.
 */
#pragma once

#include <glib.h>

#define LXC_PUMP_SIZE_MAX 1000 /* rows or columns */

typedef struct {
    int data;    /* the person: a socket or a terminal, both directions */
    int control; /* or -1 */
    int input;   /* to the program; a pipe here is closed at the end of the person's input, */
    int output;  /* and from it; a terminal's master is both */
    int end;     /* readable or hung up once the program ended: a pidfd, a socket */
    gint64 deadline; /* monotonic microseconds, 0: none */
    gboolean hang_up;
} LxcPump;

typedef enum {
    LXC_PUMP_PERSON,  /* the person is gone */
    LXC_PUMP_PROGRAM, /* the program ended, and all that it wrote was handed over */
    LXC_PUMP_LATE,    /* the deadline passed */
} LxcPumpEnd;

/* Runs until one side ends. *input is set to -1 when it was closed. The
 * descriptors become non-blocking for the time. */
LxcPumpEnd lxc_pump_run(LxcPump *pump);

/* Sets a terminal's size; out of range does nothing. */
void lxc_pump_resize(int terminal, int rows, int columns);
