#include "backend/wire/vocabulary.h"

#include <glib.h>
#include <string.h>

static const char *const kind_names[] = {"vm", "ct"};

static const char *const state_names[GUEST_STATE_COUNT] = {
    [GUEST_STATE_UNKNOWN] = "unknown",   [GUEST_STATE_STOPPED] = "stopped",
    [GUEST_STATE_RUNNING] = "running",   [GUEST_STATE_PAUSED] = "paused",
    [GUEST_STATE_STARTING] = "starting", [GUEST_STATE_STOPPING] = "stopping",
    [GUEST_STATE_SAVED] = "saved",       [GUEST_STATE_CRASHED] = "crashed",
};

static const char *const role_names[] = {"none", "viewer", "operator", "admin", "peer"};

#define IN(state) (1u << GUEST_STATE_##state)
/* An unknown state refuses nothing: the driver will say what is wrong. */
#define ANY      (~0u)
#define ACTIVE   (IN(UNKNOWN) | IN(RUNNING) | IN(PAUSED) | IN(STARTING) | IN(STOPPING))
#define INACTIVE (IN(UNKNOWN) | IN(STOPPED) | IN(SAVED) | IN(CRASHED))
#define ALIVE    (IN(UNKNOWN) | IN(RUNNING))

static const struct {
    const char *name;
    const char *participle;
    unsigned states; /* where it makes sense */
    bool containers; /* exists for containers too */
} acts[GUEST_ACT_COUNT] = {
    [GUEST_ACT_START] = {"start", "started", INACTIVE, true},
    [GUEST_ACT_SHUTDOWN] = {"shutdown", "shut down", ALIVE | IN(STARTING) | IN(STOPPING), true},
    [GUEST_ACT_STOP] = {"stop", "stopped", ACTIVE | IN(CRASHED), true},
    [GUEST_ACT_REBOOT] = {"reboot", "rebooted", ALIVE, true},
    [GUEST_ACT_RESET] = {"reset", "reset", ACTIVE | IN(CRASHED), false},
    [GUEST_ACT_PAUSE] = {"pause", "paused", ALIVE, true},
    [GUEST_ACT_RESUME] = {"resume", "resumed", IN(UNKNOWN) | IN(PAUSED), true},
    [GUEST_ACT_SAVE] = {"save", "saved", ALIVE | IN(PAUSED), false},
    [GUEST_ACT_DISCARD] = {"discard", "discarded", IN(UNKNOWN) | IN(SAVED), false},
    [GUEST_ACT_DELETE] = {"delete", "deleted", INACTIVE, true},
    [GUEST_ACT_RENAME] = {"rename", "renamed", INACTIVE, true},
    [GUEST_ACT_AUTOSTART] = {"autostart", "set to start by itself", ANY, true},
    [GUEST_ACT_SENDKEY] = {"sendkey", "sent keys", ALIVE, false},
    [GUEST_ACT_NMI] = {"nmi", "sent an NMI", ALIVE, false},
    [GUEST_ACT_CONSOLE] = {"console", "opened", ACTIVE, true},
    [GUEST_ACT_EXEC] = {"exec", "entered", ALIVE, true},
    [GUEST_ACT_MIGRATE] = {"migrate", "moved", ALIVE | IN(PAUSED) | IN(STOPPED), true},
};

static bool find_name(const char *const *names, size_t count, const char *name, int *out)
{
    for (size_t i = 0; name && i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (int)i;
            return true;
        }
    }
    return false;
}

const char *guest_kind_name(GuestKind kind)
{
    return kind_names[kind == GUEST_KIND_CT];
}

const char *guest_state_name(GuestState state)
{
    return state_names[(unsigned)state < GUEST_STATE_COUNT ? state : GUEST_STATE_UNKNOWN];
}

const char *guest_act_name(GuestAct act)
{
    return (unsigned)act < GUEST_ACT_COUNT ? acts[act].name : "?";
}

const char *guest_act_participle(GuestAct act)
{
    return (unsigned)act < GUEST_ACT_COUNT ? acts[act].participle : "?";
}

const char *wire_role_name(WireRole role)
{
    return role_names[(unsigned)role < G_N_ELEMENTS(role_names) ? role : WIRE_ROLE_NONE];
}

bool wire_role_permits(WireRole has, WireRole needed)
{
    if (has == WIRE_ROLE_PEER || needed == WIRE_ROLE_PEER)
        return has == WIRE_ROLE_PEER &&
               (needed == WIRE_ROLE_PEER || needed <= WIRE_ROLE_VIEWER);
    return has >= needed;
}

bool guest_kind_from_name(const char *name, GuestKind *out)
{
    int found;
    if (!find_name(kind_names, G_N_ELEMENTS(kind_names), name, &found))
        return false;
    *out = (GuestKind)found;
    return true;
}

bool guest_state_from_name(const char *name, GuestState *out)
{
    int found;
    if (!find_name(state_names, G_N_ELEMENTS(state_names), name, &found))
        return false;
    *out = (GuestState)found;
    return true;
}

bool guest_act_from_name(const char *name, GuestAct *out)
{
    for (int i = 0; name && i < GUEST_ACT_COUNT; i++) {
        if (strcmp(acts[i].name, name) == 0) {
            *out = (GuestAct)i;
            return true;
        }
    }
    return false;
}

bool wire_role_from_name(const char *name, WireRole *out)
{
    int found;
    if (!find_name(role_names, G_N_ELEMENTS(role_names), name, &found))
        return false;
    *out = (WireRole)found;
    return true;
}

const char *guest_act_refusal(GuestKind kind, GuestState state, GuestAct act)
{
    static const char *const because[GUEST_STATE_COUNT] = {
        [GUEST_STATE_UNKNOWN] = "is in an unknown state",
        [GUEST_STATE_STOPPED] = "is not running",
        [GUEST_STATE_RUNNING] = "is running",
        [GUEST_STATE_PAUSED] = "is paused",
        [GUEST_STATE_STARTING] = "is starting",
        [GUEST_STATE_STOPPING] = "is shutting down",
        [GUEST_STATE_SAVED] = "is not running, its memory is saved on disk",
        [GUEST_STATE_CRASHED] = "has crashed",
    };
    if ((unsigned)act >= GUEST_ACT_COUNT || (unsigned)state >= GUEST_STATE_COUNT)
        return "is not known here";
    if (kind == GUEST_KIND_CT && !acts[act].containers)
        return "is a container, only VMs can do that";
    if (acts[act].states & (1u << state))
        return NULL;
    if (act == GUEST_ACT_RESUME)
        return "is not paused";
    if (act == GUEST_ACT_DISCARD)
        return "has no saved memory";
    return because[state];
}

bool guest_id_parse(const char *text, GuestKind *kind, int *number)
{
    GuestKind found;
    if (!text)
        return false;
    if (g_str_has_prefix(text, "vm/"))
        found = GUEST_KIND_VM;
    else if (g_str_has_prefix(text, "ct/"))
        found = GUEST_KIND_CT;
    else
        return false;
    guint64 value;
    if (!g_ascii_string_to_unsigned(text + 3, 10, GUEST_NUMBER_MIN, GUEST_NUMBER_MAX, &value,
                                    NULL))
        return false;
    *kind = found;
    *number = (int)value;
    return true;
}
