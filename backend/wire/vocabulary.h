/* wire/vocabulary - the words that agent and console share: kinds and states of
 * guests, acts on guests, roles, and which act makes sense in which state.
 *
 * Pure: no allocation, no I/O. The names are what stands on the wire.
 */
#pragma once

#include <stdbool.h>

typedef enum { GUEST_KIND_VM, GUEST_KIND_CT } GuestKind;

typedef enum {
    GUEST_STATE_UNKNOWN, /* the driver could not say */
    GUEST_STATE_STOPPED,
    GUEST_STATE_RUNNING,
    GUEST_STATE_PAUSED, /* paused or frozen: in memory, not running */
    GUEST_STATE_STARTING,
    GUEST_STATE_STOPPING, /* a shutdown is under way */
    GUEST_STATE_SAVED,    /* stopped with a managed save image */
    GUEST_STATE_CRASHED,
    GUEST_STATE_COUNT
} GuestState;

typedef enum {
    GUEST_ACT_START,
    GUEST_ACT_SHUTDOWN,
    GUEST_ACT_STOP,
    GUEST_ACT_REBOOT,
    GUEST_ACT_RESET,
    GUEST_ACT_PAUSE,
    GUEST_ACT_RESUME,
    GUEST_ACT_SAVE,
    GUEST_ACT_DISCARD, /* remove a managed save image */
    GUEST_ACT_DELETE,
    GUEST_ACT_RENAME,
    GUEST_ACT_AUTOSTART,
    GUEST_ACT_SENDKEY,
    GUEST_ACT_NMI,
    GUEST_ACT_CONSOLE,
    GUEST_ACT_EXEC,
    GUEST_ACT_MIGRATE,
    GUEST_ACT_COUNT
} GuestAct;

/* Roles of people, each includes the ones before it; and that of another node's agent,
 * which may look as a viewer, and what is a peer's only. */
typedef enum {
    WIRE_ROLE_NONE,
    WIRE_ROLE_VIEWER,
    WIRE_ROLE_OPERATOR,
    WIRE_ROLE_ADMIN,
    WIRE_ROLE_PEER
} WireRole;

/* Whether who has one role may call what needs another. */
bool wire_role_permits(WireRole has, WireRole needed);

const char *guest_kind_name(GuestKind kind); /* "vm", "ct" */
const char *guest_state_name(GuestState state);
const char *guest_act_name(GuestAct act);
const char *wire_role_name(WireRole role);

/* The reverse; false when the name is unknown (*out untouched). */
bool guest_kind_from_name(const char *name, GuestKind *out);
bool guest_state_from_name(const char *name, GuestState *out);
bool guest_act_from_name(const char *name, GuestAct *out);
bool wire_role_from_name(const char *name, WireRole *out);

/* Why this act makes no sense for a guest of this kind in this state, as the
 * end of the sentence "vm/100 can't be started: it ..."; NULL when it does.
 * The agent refuses with it, the console greys with it. */
const char *guest_act_refusal(GuestKind kind, GuestState state, GuestAct act);

/* The act as a past participle: "started", "shut down". */
const char *guest_act_participle(GuestAct act);

/* A guest's identifier: kind/number with number from 100 to 999999999. */
#define GUEST_NUMBER_MIN 100
#define GUEST_NUMBER_MAX 999999999
bool guest_id_parse(const char *text, GuestKind *kind, int *number);
