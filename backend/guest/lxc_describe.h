/* guest/lxc_describe - everything about a container, for people.
 *
 * lxc_describe() answers an object of these keys; one whose value is not known or
 * not set is null. Sizes are bytes, times seconds since 1970 or seconds.
 *
 *   kind, native, name, state, reason    as in the summary
 *   lxcpath, config_file                 where it is
 *   arch, hostname                       hostname is lxc.uts.name
 *   rootfs_path, rootfs_backing          the path, and dir, btrfs, overlay, loop, lvm, zfs, ...
 *   privileged                           true: root inside is root outside
 *   idmap                                [{type: "u" or "g", inside, outside, count}]
 *   autostart, autostart_delay, autostart_order, groups
 *   uptime, started, init_pid, monitor_pid
 *   memory_max, swap_max, memory_used, memory_rss       bytes
 *   vcpus, cpu_quota (processors), cpu_shares (v1) or cpu_weight (v2), cpuset
 *   processes_max, processes_count
 *   cgroup                               "v1", "v2": where the limits above come from
 *   mounts                               [{source, target, type, options}]
 *   networks                             [{name, type, link, mac, up, mtu, addresses,
 *                                          configured_addresses, host_interface, bytes_in,
 *                                          bytes_out}]
 *   processes                            the busiest, at most LXC_DESCRIBE_PROCESSES:
 *                                        [{pid, inner_pid, name, command, state, cpu_seconds,
 * rss}] snapshots                            [{name, created, comment}] definition_format "lxc"
 *
 * It waits for the container's monitor when it runs: call it where that is allowed.
 */
#pragma once

#include "backend/guest/driver.h"

#define LXC_DESCRIBE_PROCESSES 50

json_t *lxc_describe(const GuestSettings *settings, const char *native, GError **error);
char *lxc_definition(const GuestSettings *settings, const char *native, gboolean saved,
                     GError **error);
