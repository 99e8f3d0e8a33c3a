/* The driver's table. */
#include "backend/guest/kvm.h"

const GuestDriver guest_driver_kvm = {
    .name = "kvm",
    .kind = GUEST_KIND_VM,
    .observe = kvm_observe,
    .observe_stop = kvm_observe_stop,
    .observe_look = kvm_observe_look,
    .describe = kvm_describe,
    .definition = kvm_definition,
    .act = kvm_act,
    .recover = kvm_recover,
    .stream = kvm_stream,
};
