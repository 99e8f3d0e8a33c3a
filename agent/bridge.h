/* bridge - `gantryd bridge`: joins standard input and output to the agent.
 *
 * This is what an SSH session of the console runs on a node. It runs as the
 * person who logged in; the agent sees that user on its socket. Without a stream
 * it carries lines of JSON-RPC as they are. With one it says hello itself, and
 * then carries the stream's raw bytes from the first one on; what the agent
 * answered to hello is not passed on.
 *
 * Exit status: 0 either side ended, 1 the agent refused (its words are on
 * standard error), 2 usage, 3 the socket may not be opened, 69 no agent is running here.
 */
#pragma once

#define BRIDGE_NO_AGENT 69 /* EX_UNAVAILABLE of sysexits.h */

int bridge_main(const char *socket_path, const char *stream);
