/* Acts on a domain: the quick ones, and what all have in common, their recovery too. */
#include "backend/guest/kvm_act.h"
#include "backend/guest/kvm_events.h"
#include "backend/guest/kvm_keys.h"

#include "backend/wire/message.h"

#include <string.h>

enum { HOLD_DEFAULT = 50 /* milliseconds */ };

gboolean kvm_act_permitted(const KvmAct *act, GError **error)
{
    GuestState state;
    if (!kvm_state_read(act->domain, &state, NULL, error))
        return FALSE;
    const char *refusal = guest_act_refusal(GUEST_KIND_VM, state, act->act);
    if (!refusal)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STATE, "vm %s can't be %s: it %s", act->name,
                   guest_act_participle(act->act), refusal);
    return FALSE;
}

/* libvirt's result as ours. */
static gboolean check(const KvmAct *act, int result, GError **error)
{
    if (result >= 0)
        return TRUE;
    kvm_error_set(error, "vm %s can't be %s", act->name, guest_act_participle(act->act));
    return FALSE;
}

static gboolean act_start(const KvmAct *act, GError **error)
{
    gboolean paused = wire_get_boolean(act->params, "paused", FALSE);
    if (virDomainHasManagedSaveImage(act->domain, 0) == 1)
        job_log(act->job, "restoring the saved memory of %s", act->name);
    else
        job_log(act->job, "starting %s%s", act->name, paused ? ", paused" : "");
    return check(act,
                 virDomainCreateWithFlags(act->domain, paused ? VIR_DOMAIN_START_PAUSED : 0),
                 error);
}

static gboolean act_reset(const KvmAct *act, GError **error)
{
    return check(act, virDomainReset(act->domain, 0), error);
}

static gboolean act_pause(const KvmAct *act, GError **error)
{
    return check(act, virDomainSuspend(act->domain), error);
}

static gboolean act_resume(const KvmAct *act, GError **error)
{
    int state = 0;
    (void)virDomainGetState(act->domain, &state, NULL, 0);
    return check(act,
                 state == VIR_DOMAIN_PMSUSPENDED ? virDomainPMWakeup(act->domain, 0)
                                                 : virDomainResume(act->domain),
                 error);
}

static gboolean act_discard(const KvmAct *act, GError **error)
{
    return check(act, virDomainManagedSaveRemove(act->domain, 0), error);
}

static gboolean act_autostart(const KvmAct *act, GError **error)
{
    if (virDomainIsPersistent(act->domain) == 0) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "vm %s can't be set to start by itself: it has no saved definition",
                       act->name);
        return FALSE;
    }
    gboolean enable = wire_get_boolean(act->params, "enable", FALSE);
    return check(act, virDomainSetAutostart(act->domain, enable), error);
}

static gboolean act_sendkey(const KvmAct *act, GError **error)
{
    unsigned codes[VIR_DOMAIN_SEND_KEY_MAX_KEYS];
    const json_t *keys = json_object_get(act->params, "keys");
    size_t count = json_array_size(keys);
    if (count < 1 || count > G_N_ELEMENTS(codes)) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "keys", "give 1 to %u keys",
                             (unsigned)G_N_ELEMENTS(codes));
        return FALSE;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(keys, i));
        if (!name || !kvm_key_from_name(name, &codes[i])) {
            wire_error_set_field(error, WIRE_ERROR_PARAMS, "keys",
                                 "'%s' is no key; names are those of the kernel, as KEY_ENTER",
                                 name ? name : "");
            return FALSE;
        }
    }
    gint64 hold = wire_get_integer(act->params, "hold", HOLD_DEFAULT);
    return check(act,
                 virDomainSendKey(act->domain, VIR_KEYCODE_SET_LINUX, (unsigned)hold, codes,
                                  (int)count, 0),
                 error);
}

static gboolean act_nmi(const KvmAct *act, GError **error)
{
    return check(act, virDomainInjectNMI(act->domain, 0), error);
}

static gboolean act_rename(const KvmAct *act, GError **error)
{
    const char *name = wire_get_string(act->params, "name", "");
    if (strcmp(name, act->name) == 0)
        return TRUE;
    g_autoptr(KvmDomain) other = virDomainLookupByName(act->connection, name);
    if (other) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "name",
                             "vm %s can't be renamed: there is a vm %s already", act->name,
                             name);
        return FALSE;
    }
    return check(act, virDomainRename(act->domain, name, 0), error);
}

static gboolean (*const handlers[GUEST_ACT_COUNT])(const KvmAct *, GError **) = {
    [GUEST_ACT_START] = act_start,     [GUEST_ACT_SHUTDOWN] = kvm_act_shutdown,
    [GUEST_ACT_STOP] = kvm_act_stop,   [GUEST_ACT_REBOOT] = kvm_act_reboot,
    [GUEST_ACT_RESET] = act_reset,     [GUEST_ACT_PAUSE] = act_pause,
    [GUEST_ACT_RESUME] = act_resume,   [GUEST_ACT_SAVE] = kvm_act_save,
    [GUEST_ACT_DISCARD] = act_discard, [GUEST_ACT_DELETE] = kvm_act_delete,
    [GUEST_ACT_RENAME] = act_rename,   [GUEST_ACT_AUTOSTART] = act_autostart,
    [GUEST_ACT_SENDKEY] = act_sendkey, [GUEST_ACT_NMI] = act_nmi,
};

/* When libvirt refused because somebody else was faster, the new state says so
 * better than its message does. */
static void explain(const KvmAct *act, GError **error)
{
    g_autoptr(GError) now = NULL;
    if (!error || !g_error_matches(*error, WIRE_ERROR, WIRE_ERROR_STATE) ||
        kvm_act_permitted(act, &now))
        return;
    if (wire_error_code(now) == WIRE_ERROR_STATE ||
        wire_error_code(now) == WIRE_ERROR_NOT_FOUND) {
        g_clear_error(error);
        *error = g_steal_pointer(&now);
    }
}

gboolean kvm_act(const GuestSettings *settings, const char *native, GuestAct which,
                 const json_t *params, const Job *job, json_t **result, GError **error)
{
    if ((unsigned)which >= GUEST_ACT_COUNT || !handlers[which]) {
        wire_error_set(error, WIRE_ERROR_METHOD, "a VM knows no act '%s'",
                       guest_act_name(which));
        return FALSE;
    }
    g_autoptr(GError) failure = NULL;
    (void)kvm_events_start();
    g_autoptr(KvmConnection) connection = kvm_connect(settings->libvirt_uri, error);
    if (!connection)
        return FALSE;
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, error);
    if (!domain)
        return FALSE;
    g_autofree char *name = g_strdup(virDomainGetName(domain));
    const KvmAct act = {which, connection, domain, native, name, params, job};
    if (!kvm_act_permitted(&act, error))
        return FALSE;
    if (handlers[which](&act, &failure))
        return TRUE;
    explain(&act, &failure);
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* ---- recovery ---- */

static gboolean (*const recoveries[GUEST_ACT_COUNT])(const KvmAct *, char **, GError **) = {
    [GUEST_ACT_DELETE] = kvm_delete_recover,
    [GUEST_ACT_SAVE] = kvm_save_recover,
};

gboolean kvm_recover(const GuestSettings *settings, const char *native, GuestAct which,
                     const json_t *note, const Job *job, char **outcome, GError **error)
{
    if ((unsigned)which >= GUEST_ACT_COUNT || !recoveries[which]) {
        wire_error_set(error, WIRE_ERROR_INTERNAL, "no note of a VM's driver");
        return FALSE;
    }
    (void)kvm_events_start();
    g_autoptr(KvmConnection) connection = kvm_connect(settings->libvirt_uri, error);
    if (!connection)
        return FALSE;
    g_autoptr(GError) failure = NULL;
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, &failure);
    if (!domain && !g_error_matches(failure, WIRE_ERROR, WIRE_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_autofree char *text = NULL;
    const KvmAct act = {
        which, connection, domain, native, wire_get_string(note, "name", native), note, job};
    if (!recoveries[which](&act, &text, error))
        return FALSE;
    if (outcome)
        *outcome = g_steal_pointer(&text);
    return TRUE;
}
