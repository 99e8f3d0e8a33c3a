/* guest/kvm_stream - consoles of VMs and programs in them.
 *
 * Private to kvm_stream.c and kvm_exec.c. They run in a process of their own.
 */
#pragma once

#include "backend/guest/kvm.h"

/* Writes all of it, waiting as long as the other side does not take it. FALSE
 * when it is gone. */
gboolean kvm_write_all(int descriptor, const void *bytes, size_t length);

/* Runs request->command in the guest through its agent; see GuestDriver.stream. */
gboolean kvm_exec(KvmDomain *domain, const GuestStreamRequest *request, int *exit_status,
                  GError **error);
