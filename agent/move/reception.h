/* move/reception - the target's side of a move: the task migration.receive.
 *
 * The agent of the source asks for it with an offer. It makes the sockets of the move
 * (place.h), lets the source in at "control", and does what that says, one JSON line a
 * command, each answered by one line {"done":{...}} or {"error":{code,message}}:
 *
 *   {"do":"verdict"}              the check, anew: as migration.check; nothing is made yet
 *   {"do":"images"}               makes empty images for the disks to be copied, for a live
 *                                 move; answers who QEMU runs as
 *   {"do":"file","target":T}      makes the image and a socket "file-T", says so, and
 *                                 after the records (file.h) answers a second time
 *   {"do":"tree"}                 the same for a container's root file system, by rsync,
 *                                 through the socket "tree"; any number of times
 *   {"do":"define"}               the guest is here from now on; it is not started
 *   {"do":"commit","run":B}       the source has given it up: let it run (B), and be done
 *
 * Until "commit" the guest is the source's. A reception that fails or dies before, or whose
 * source is cut off, is recovered: it shuts the door, waits until who was let in to libvirt
 * has gone and libvirt is done with what they asked (place.h, calls.h), and asks the source's
 * agent (migration.outcome) until it gets an answer. The source has the guest: everything
 * that was made here is removed. The source does not have it any more: it is this node's, and
 * runs here. So it is on exactly one node whatever broke, and nothing is decided by guessing.
 *
 * The note that recovery reads holds what was made, before it was made:
 *   {"step":"begun"|"committed", "run":B,
 *    "files":[{"path","device","inode"}], "directory":PATH}
 */
#pragma once

#include "agent/task/child.h"

TaskHandler move_reception_handler(void);
