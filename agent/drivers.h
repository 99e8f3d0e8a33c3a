/* drivers - the kinds of guests this agent was built with. */
#pragma once

#include "backend/guest/driver.h"

/* Ended by NULL. */
extern const GuestDriver *const guest_drivers[];

const GuestDriver *guest_driver_find(const char *name);
const GuestDriver *guest_driver_of(GuestKind kind);
