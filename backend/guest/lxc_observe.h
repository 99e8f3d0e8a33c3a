/* guest/lxc_observe - every container under the configured paths, as it is now.
 *
 * One thread that never waits for anything but the kernel, and short-lived threads
 * for liblxc and the file system (lxc_work). Where each piece of news comes from:
 *
 *   a container made, deleted,     inotify on the paths, and on each container's
 *   configured anew                directory
 *   started                        inotify on the control group's root, where liblxc
 *                                  makes a group for it; and once a second a look
 *                                  whether its command socket listens, which also
 *                                  finds those with groups elsewhere
 *   stopped, rebooted              a pidfd of its init
 *   frozen, thawed                 the freezer's file, read with the figures
 *   addresses, traffic             a netlink socket in its network namespace
 *   a monitor that is gone or      /proc/PID/stat of the monitor, read with the
 *   stopped                        figures; then liblxc is asked, with a deadline
 *
 * So liblxc is asked only after such news, never in turn. lxc-monitord is not
 * used: it is optional, deprecated, and its FIFO has room for one reader. A
 * container whose monitor does not answer within LXC_WORK_DEADLINE is in state
 * unknown, with the reason, until it answers; the others go on.
 *
 * A container path that does not answer leaves the driver's health alone while
 * another one does; the reason names it.
 *
 * A container is paused when the kernel says that it is frozen, by whatever
 * means; liblxc only knows of freezing through itself.
 */
#pragma once

#include "backend/guest/driver.h"

GuestObserver *lxc_observe(const GuestSettings *settings, GMainContext *context,
                           const GuestEvents *events, gpointer user);
void lxc_observe_stop(GuestObserver *observer);
void lxc_observe_look(GuestObserver *observer, const char *native);
