/* guest/kvm_act - one act on one domain while it is being done.
 *
 * Private to the files that do acts. An act runs in a process of its own, so it
 * may block; where it waits it asks the job whether to stop.
 */
#pragma once

#include "backend/guest/kvm.h"

typedef struct {
    GuestAct act;
    KvmConnection *connection;
    KvmDomain *domain;
    const char *native;
    const char *name; /* the domain's, for messages */
    const json_t *params;
    const Job *job;
} KvmAct;

gboolean kvm_act_shutdown(const KvmAct *act, GError **error);
gboolean kvm_act_reboot(const KvmAct *act, GError **error);
gboolean kvm_act_stop(const KvmAct *act, GError **error);
gboolean kvm_act_save(const KvmAct *act, GError **error);
gboolean kvm_act_delete(const KvmAct *act, GError **error);

/* Finish or undo an act that was interrupted. act->domain is NULL when it has gone;
 * act->params is the note that the act had left. *outcome is set on success. */
gboolean kvm_save_recover(const KvmAct *act, char **outcome, GError **error);
gboolean kvm_delete_recover(const KvmAct *act, char **outcome, GError **error);

/* Fails with WIRE_ERROR_STATE when the act makes no sense in the state that the
 * domain is in right now. */
gboolean kvm_act_permitted(const KvmAct *act, GError **error);
