/* move/source_private - a move while it is at work, shared by the source's files. */
#pragma once

#include "agent/move/route.h"
#include "backend/guest/move_offer.h"

typedef struct {
    const TaskRequest *request;
    const Job *job;
    MoveRoute route;
    char *id;
    GuestKind kind;
    int number;
    int mode; /* a MoveMode that was asked for, or -1 */
    guint bandwidth;
    MoveOffer *offer;
    MoveVerdict *verdict; /* of both nodes */
    PeerStream *control;
    json_t *note;
    json_t *result;
} MoveSource;

gboolean move_note(const MoveSource *source, GError **error);

/* source_probe.c: proof of shared storage. */
void move_probe_write(MoveSource *source);
void move_probe_remove(const json_t *note);

/* source_guest.c: the guest itself, by its kind. */
MoveOffer *move_guest_offer(MoveSource *source, MoveVerdict *verdict, GError **error);
/* Moves its memory or files; on success it is defined there (live: paused there). */
gboolean move_guest_transfer(MoveSource *source, GError **error);
/* Stops it for a move by restart. */
gboolean move_guest_stop(MoveSource *source, GError **error);
/* It is this node's no more. Live: libvirt has done it. */
gboolean move_guest_give_up(MoveSource *source, GError **error);
/* Takes it back after a refused commit: it is here again, and stopped. */
gboolean move_guest_take_back(MoveSource *source, GError **error);
/* Lets it go on, or starts it again where the move had stopped it. */
gboolean move_guest_go_on(MoveSource *source, const char *mode, gboolean paused,
                          GError **error);
/* Removes what was copied: the files of the note. */
void move_guest_clear(const MoveSource *source, const json_t *note);
