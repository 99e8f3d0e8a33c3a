/* guest/kvm_events - libvirt's event loop, in a thread of its own.
 *
 * libvirt's own implementation runs in GLib's default main context, that is in
 * the program's main loop, and wakes it several times for each call made in
 * another thread. This one waits in epoll, where another thread can change what
 * is waited for without waking it: besides libvirt's traffic and timers nothing
 * ever does.
 */
#pragma once

#include <glib.h>

/* Once per process, before the first connection; later calls do nothing. FALSE
 * when the kernel has no descriptors left: then there are no events. */
gboolean kvm_events_start(void);
