#include "agent/move/reception_private.h"
#include "backend/guest/kvm_move.h"
#include "backend/guest/lxc_move.h"
#include "backend/wire/message.h"

static gboolean define_vm(Reception *reception, GError **error)
{
    g_autoptr(KvmConnection) connection = kvm_connect(reception->settings.libvirt_uri, error);
    g_autofree char *xml =
        connection ? kvm_move_xml(reception->offer->definition, reception->verdict, error)
                   : NULL;
    return xml && kvm_move_define(connection, xml, reception->offer->autostart, error);
}

/* A live one was started by libvirt and waits; another is started if it shall run. */
static gboolean run_vm(Reception *reception, gboolean run, GError **error)
{
    const MoveOffer *offer = reception->offer;
    KvmMoveState state;
    g_autoptr(KvmConnection) connection = kvm_connect(reception->settings.libvirt_uri, error);
    if (!connection || !kvm_move_state(connection, offer->native, &state, error))
        return FALSE;
    if (offer->mode == MOVE_LIVE && offer->autostart && offer->persistent) {
        g_autoptr(KvmDomain) domain = kvm_domain_find(connection, offer->native, NULL);
        if (domain)
            (void)virDomainSetAutostart(domain, 1);
    }
    if (!run || (state.active && !state.paused))
        return TRUE;
    if (state.active)
        return kvm_move_resume(connection, offer->native, error);
    g_autoptr(json_t) none = json_object(), result = NULL;
    return guest_driver_kvm.act(&reception->settings, offer->native, GUEST_ACT_START, none,
                                reception->job, &result, error);
}

static gboolean remove_vm(Reception *reception, GError **error)
{
    g_autoptr(KvmConnection) connection = kvm_connect(reception->settings.libvirt_uri, error);
    return connection && kvm_move_remove(connection, reception->offer->native, error);
}

static gboolean define_ct(Reception *reception, GError **error)
{
    return lxc_move_define(reception->offer->native, reception->offer->definition, error);
}

static gboolean run_ct(Reception *reception, gboolean run, GError **error)
{
    gboolean running = FALSE;
    (void)lxc_move_exists(&reception->settings, reception->offer->native, &running);
    g_autoptr(json_t) none = json_object(), result = NULL;
    return !run || running ||
           guest_driver_lxc.act(&reception->settings, reception->offer->native, GUEST_ACT_START,
                                none, reception->job, &result, error);
}

/* It never ran here to an end of its own: what is started is stopped. */
static gboolean remove_ct(Reception *reception, GError **error)
{
    gboolean running = FALSE;
    g_autoptr(json_t) none = json_object(), result = NULL;
    if (!lxc_move_exists(&reception->settings, reception->offer->native, &running))
        return TRUE;
    return (!running ||
            guest_driver_lxc.act(&reception->settings, reception->offer->native, GUEST_ACT_STOP,
                                 none, reception->job, &result, error)) &&
           lxc_move_hide(reception->offer->native, error);
}

static const struct {
    gboolean (*define)(Reception *reception, GError **error);
    gboolean (*run)(Reception *reception, gboolean run, GError **error);
    gboolean (*remove)(Reception *reception, GError **error);
} kinds[] = {
    [GUEST_KIND_VM] = {define_vm, run_vm, remove_vm},
    [GUEST_KIND_CT] = {define_ct, run_ct, remove_ct},
};

gboolean reception_guest_define(Reception *reception, GError **error)
{
    return kinds[reception->offer->kind].define(reception, error);
}

gboolean reception_guest_run(Reception *reception, gboolean run, GError **error)
{
    return kinds[reception->offer->kind].run(reception, run, error);
}

gboolean reception_guest_remove(Reception *reception, GError **error)
{
    return kinds[reception->offer->kind].remove(reception, error);
}
