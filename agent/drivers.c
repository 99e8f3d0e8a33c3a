#include "agent/drivers.h"

const GuestDriver *const guest_drivers[] = {&guest_driver_kvm, &guest_driver_lxc, NULL};

const GuestDriver *guest_driver_find(const char *name)
{
    for (size_t i = 0; guest_drivers[i]; i++)
        if (g_str_equal(guest_drivers[i]->name, name))
            return guest_drivers[i];
    return NULL;
}

const GuestDriver *guest_driver_of(GuestKind kind)
{
    for (size_t i = 0; guest_drivers[i]; i++)
        if (guest_drivers[i]->kind == kind)
            return guest_drivers[i];
    return NULL;
}
