/* move/reception_private - a reception while it is at work, shared by its files. */
#pragma once

#include "agent/move/route.h"
#include "backend/guest/move_offer.h"

typedef struct Reception {
    const TaskRequest *request;
    const Job *job;
    GuestSettings settings;
    MoveRoute route; /* to the source */
    MoveOffer *offer;
    MoveVerdict *verdict; /* NULL until it was asked for */
    uid_t uid;            /* who QEMU runs as */
    gid_t gid;
    int listening, control; /* -1: none */
    GString *input;         /* of control, not yet taken as lines */
    json_t *note;
} Reception;

/* reception_made.c: what was made, on record before and taken back after. */
gboolean reception_note(Reception *reception, const char *step, GError **error);
/* A new file, empty, open for writing; -1. */
int reception_make_file(Reception *reception, const char *path, GError **error);
/* A new image of that format and size. */
gboolean reception_make_image(Reception *reception, const char *path, const MoveDisk *disk,
                              GError **error);
gboolean reception_make_directory(Reception *reception, GError **error);
/* Removes all that the note says was made, unless it is not that any more. */
gboolean reception_unmake(Reception *reception, GError **error);

/* reception_lines.c */
gboolean reception_listen(Reception *reception, GError **error);
/* Waits for the source, or for its next line. NULL when it has gone (UNREACHABLE). */
json_t *reception_receive(Reception *reception, GError **error);
gboolean reception_answer(Reception *reception, json_t *done, const GError *failure,
                          GError **error);
/* A socket of that name; waits for one connection to it. -1. */
int reception_accept(Reception *reception, const char *name, GError **error);

/* reception_guest.c: the guest itself, by its kind. */
gboolean reception_guest_define(Reception *reception, GError **error);
gboolean reception_guest_run(Reception *reception, gboolean run, GError **error);
/* Removes what is here of it; it never ran here. */
gboolean reception_guest_remove(Reception *reception, GError **error);
