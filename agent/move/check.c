#include "agent/move/check.h"

#include "backend/guest/kvm_move.h"
#include "backend/guest/lxc_move.h"

MoveVerdict *move_check(const GuestSettings *settings, const MoveOffer *offer,
                        const char *storage, GError **error)
{
    g_autoptr(MoveVerdict) verdict = move_verdict_new();
    if (offer->kind == GUEST_KIND_CT)
        return lxc_move_check(settings, offer, verdict, error) ? g_steal_pointer(&verdict)
                                                               : NULL;
    g_autoptr(KvmConnection) connection = kvm_connect(settings->libvirt_uri, error);
    return connection && kvm_move_check(connection, offer, storage, verdict, error)
               ? g_steal_pointer(&verdict)
               : NULL;
}

json_t *move_look(const GuestSettings *settings, GuestKind kind, const char *native,
                  gboolean abort, GError **error)
{
    KvmMoveState state = {0};
    if (kind == GUEST_KIND_CT) {
        state.defined = lxc_move_exists(settings, native, &state.active);
    } else {
        g_autoptr(KvmConnection) connection = kvm_connect(settings->libvirt_uri, error);
        if (!connection || !kvm_move_state(connection, native, &state, error))
            return NULL;
        if (abort && state.working)
            kvm_move_abort(connection, native);
    }
    return json_pack("{s:b,s:b,s:b,s:b}", "working", state.working, "defined", state.defined,
                     "active", state.active, "paused", state.paused);
}
