/* guest/lxc_stream - a container's console, a shell in it, a program in it.
 *
 *   console  the container's tty1, where getty asks for a login, as lxc-console
 *            shows it; /dev/console of a container without ttys (lxc.tty.max 0),
 *            after what its ring buffer kept. Nothing comes until something is
 *            written to it: pressing Enter brings the prompt again.
 *            One at a time: WIRE_ERROR_BUSY while another has it. liblxc can't take
 *            it from somebody: with `take` it is waited for LXC_STREAM_TAKE seconds,
 *            which is enough when the agent ends the stream that has it; a foreign
 *            lxc-console has to be ended by whoever runs it.
 *   shell    a login shell of the container's root, as /etc/passwd there says or
 *            /bin/sh, in a terminal of its own.
 *   exec     the command, never through a shell; in a terminal when rows is set,
 *            otherwise its output and errors come together and the end of the
 *            input is passed on. A program that can't be run is exit status 127
 *            (not there) or 126. After the timeout it is killed: WIRE_ERROR_TIMEOUT.
 *
 * Programs get a clean environment, no descriptor but the terminal or the pipes,
 * and end with the stream: by SIGHUP at a terminal, killed otherwise. Exit status
 * is the program's, 128 and the signal's number when one ended it, -1 for consoles.
 */
#pragma once

#include "backend/guest/driver.h"

#define LXC_STREAM_TAKE 3

gboolean lxc_stream(const GuestSettings *settings, const char *native,
                    const GuestStreamRequest *request, int *exit_status, GError **error);
