/* guest/move_offer - what the node that has a guest tells the node that is to get it, and
 * what that one says to it.
 *
 * An offer says everything by which the target can judge: the definition, where each disk
 * lies and how large it is, and what is wished. The verdict lists all that stands in the
 * way at once, each with what would help, and says of each disk whether it is on storage that
 * both nodes share or has to be copied, and where to.
 *
 * Shared storage is proved, never guessed: the source writes a file with a random
 * word beside the disk (probe, token), and only a target that reads the same word at the
 * same path has the same storage.
 *
 * Both cross the wire as JSON. Parsing is pure and believes nothing: kinds, limits, paths
 * that are absolute and have no "..", names without a slash.
 */
#pragma once

#include "backend/wire/vocabulary.h"

#include <glib.h>
#include <jansson.h>

#define MOVE_OFFER_MAX (1u << 20) /* bytes of one as text */
#define MOVE_DISKS_MAX 64

typedef enum {
    MOVE_LIVE,    /* it runs on; VMs only */
    MOVE_OFFLINE, /* it is stopped, and stays so */
    MOVE_RESTART, /* it runs: stopped here, started there */
    MOVE_MODE_COUNT
} MoveMode;

const char *move_mode_name(MoveMode mode); /* "live", "offline", "restart" */
gboolean move_mode_from_name(const char *name, MoveMode *out);

typedef struct {
    char *target;        /* vda; nvram; rootfs: a container's tree */
    char *path;          /* at the source */
    char *format;        /* qcow2, raw; tree */
    guint64 size;        /* bytes that the guest sees */
    guint64 allocation;  /* bytes on disk: what a copy moves */
    gboolean readonly;   /* never written: a medium */
    char *probe, *token; /* path and content; NULL: none could be written */
} MoveDisk;

typedef struct {
    char *id; /* of the move: see move/place.h */
    GuestKind kind;
    int number;
    char *name, *native;
    char *from; /* node */
    MoveMode mode;
    gboolean with_disks; /* what is not shared may be copied */
    gboolean paused;     /* it is paused, and shall be so there */
    gboolean persistent, autostart;
    char *storage;         /* where copies go; NULL: the same path */
    char *definition;      /* libvirt's XML as saved, or the container's configuration */
    char *live;            /* live XML (migratable), for MOVE_LIVE; or NULL */
    guint64 memory;        /* bytes it needs there at once; 0: it does not run */
    guint64 libvirt, qemu; /* versions at the source, as libvirt counts them; 0: not known */
    char *lxc;             /* the same of liblxc, as text, or NULL */
    gboolean cgroup_v2;    /* the source has no v1 controllers */
    json_t *document;      /* tags, notes */
    GPtrArray *disks;      /* of MoveDisk */
} MoveOffer;

MoveOffer *move_offer_new(void);
void move_offer_free(MoveOffer *offer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MoveOffer, move_offer_free)
MoveDisk *move_offer_add_disk(MoveOffer *offer);

/* As text; caller frees with g_free. */
char *move_offer_text(const MoveOffer *offer);
/* WIRE_ERROR_PARAMS with what is wrong. */
MoveOffer *move_offer_parse(const char *text, size_t length, GError **error);

typedef struct {
    char *text; /* "the CPU of node2 lacks avx2" */
    char *fix;  /* what would help */
} MoveObstacle;

typedef struct {
    char *target;
    gboolean copy; /* else: it is the same file on both, or never written */
    char *path;    /* where it is or will be at the target */
} MovePlace;

typedef struct {
    GPtrArray *obstacles; /* of MoveObstacle */
    GPtrArray *places;    /* of MovePlace, one for each disk of the offer */
} MoveVerdict;

MoveVerdict *move_verdict_new(void);
void move_verdict_free(MoveVerdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MoveVerdict, move_verdict_free)
void move_verdict_add(MoveVerdict *verdict, const char *fix, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
void move_verdict_place(MoveVerdict *verdict, const char *target, gboolean copy,
                        const char *path);
/* NULL when the verdict has no such disk. */
const MovePlace *move_verdict_find(const MoveVerdict *verdict, const char *target);
/* Bytes that the copies move. */
guint64 move_verdict_bytes(const MoveVerdict *verdict, const MoveOffer *offer);
/* Whether every disk that may be written is shared. */
gboolean move_verdict_is_shared(const MoveVerdict *verdict);

json_t *move_verdict_json(const MoveVerdict *verdict);
MoveVerdict *move_verdict_parse(const json_t *json, GError **error);
/* WIRE_ERROR_STATE with all obstacles in a line; TRUE when there are none. */
gboolean move_verdict_allows(const MoveVerdict *verdict, const char *what, GError **error);
