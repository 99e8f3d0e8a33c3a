/* guest/lxc - containers through liblxc: the driver's table. */
#include "backend/guest/driver.h"
#include "backend/guest/lxc_act.h"
#include "backend/guest/lxc_describe.h"
#include "backend/guest/lxc_observe.h"
#include "backend/guest/lxc_stream.h"

const GuestDriver guest_driver_lxc = {
    .name = "lxc",
    .kind = GUEST_KIND_CT,
    .observe = lxc_observe,
    .observe_stop = lxc_observe_stop,
    .observe_look = lxc_observe_look,
    .describe = lxc_describe,
    .definition = lxc_definition,
    .act = lxc_act,
    .recover = lxc_recover,
    .stream = lxc_stream,
};
