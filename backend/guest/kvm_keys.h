/* guest/kvm_keys - names of keys as the kernel's linux/input-event-codes.h has
 * them: those of a PC keyboard with its usual extras. Pure. */
#pragma once

#include <stdbool.h>

/* The key code of VIR_KEYCODE_SET_LINUX; false when no key has that name. */
bool kvm_key_from_name(const char *name, unsigned *code);
