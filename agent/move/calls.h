/* move/calls - which calls of a client libvirt has not answered yet, from what passes between
 * them (libvirt's remote protocol, https://libvirt.org/kbase/internals/rpc.html).
 *
 * libvirt finishes a call also when whoever made it has hung up, and nobody is told when. A
 * guest may still be coming in then, so who lets a client in stays until all is answered.
 * What is no such protocol counts as answered.
 */
#pragma once

#include <glib.h>

#define MOVE_CALLS_HEAD                                                                        \
    28 /* bytes: length, program, version, procedure, type, serial, status */

typedef struct {
    guint8 head[MOVE_CALLS_HEAD];
    gsize got;    /* of the head */
    guint64 left; /* of what follows it */
} MoveCallsWay;

/* All zero at first. */
typedef struct {
    MoveCallsWay asked, answered;
    guint waiting;
    gboolean strange;
} MoveCalls;

/* These bytes were passed to libvirt (asked), or came from there. */
void move_calls_pass(MoveCalls *calls, gboolean asked, const void *data, gsize size);
/* How many calls wait for an answer. */
guint move_calls_waiting(const MoveCalls *calls);
