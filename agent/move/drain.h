/* move/drain - the tasks node.drain and node.undrain: all guests of this node go to others,
 * and those that went come back.
 *
 * A drain moves nothing by itself. It has the agents do guest.plan and guest.migrate, the
 * agent of the node that has the guest always, and follows those tasks:
 *
 *   plan    every guest is planned for the node with the most free memory where nothing
 *           stands in its way. When a guest has none, nothing is moved at all, unless
 *           such guests shall be skipped
 *   move    a few at once; one that fails is said so in the end and stops no other
 *   list    drain_list.h: what has left, on disk before it goes, for node.undrain
 *
 * It speaks with agents, its own among them, as they do with each other (route.h):
 * migration.send starts a task there for the person who drains. A drain that is killed
 * leaves moves that end by themselves, which its recovery waits for; one that is cancelled
 * cancels them. Either way each guest is on one node, and the list says which have left.
 *
 * The note that recovery reads: {"moves":[{"guest","node","task"}]}.
 */
#pragma once

#include "agent/task/child.h"

TaskHandler drain_handler(void);
TaskHandler undrain_handler(void);
