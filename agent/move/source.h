/* move/source - the source's side of a move: the tasks guest.migrate and guest.plan.
 *
 *   offer     what there is of the guest, and what stands in the way here
 *   check     migration.check there: all other obstacles; guest.plan ends with that
 *   receive   migration.receive there starts a reception (reception.h)
 *   transfer  live: libvirt's migration over relays; else the guest is stopped (restart)
 *             and its files are copied and it is defined there
 *   give up   it is not this node's any more: libvirt has ended it, or its definition is
 *             removed or put aside
 *   commit    the reception lets it run
 *   clear     what was copied is removed here
 *
 * Before "give up" whatever fails leaves the guest here, after it the guest is the other
 * node's. A run that fails, is cancelled or killed is recovered from its note: whether the
 * guest is still here says which of the two it is. It is then let go on (started again, if
 * the move had stopped it), or the commit is made, as often as it takes.
 *
 * Notes: {"step":"check","probes":[PATH]}, {"step":"move","id","node","mode","definition",
 * "files":[{"path","device","inode"}],"probes":[...]}. The files are the disks that were
 * copied.
 */
#pragma once

#include "agent/task/child.h"

TaskHandler move_source_handler(void);
TaskHandler move_plan_handler(void);
