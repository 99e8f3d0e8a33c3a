/* guest/kvm_describe - everything about a domain, for people.
 *
 * The object that kvm_describe() returns. Keys are lower_snake_case; sizes are in
 * bytes, times in seconds since 1970, durations in seconds. What is not known or
 * does not exist is absent; lists are always there.
 *
 *   name, native, title, description     strings
 *   state, reason                        as in object.h
 *   type                                 kvm, qemu (emulated)
 *   persistent, autostart, pending, managed_save, agent   booleans
 *   started, uptime                      when running
 *   vcpus, vcpus_max                     numbers
 *   topology       {sockets, dies, cores, threads}
 *   cpu_mode, cpu_model                  host-passthrough, host-model, custom; model
 *   memory, memory_max                   now (balloon) and at most
 *   balloon        {model, actual, maximum, available, unused, usable, rss, swap_in,
 *                   swap_out, disk_caches, updated}; all but model while it runs
 *   arch, machine, emulator
 *   firmware       bios or efi; loader, nvram: paths; secure_boot: boolean
 *   boot           list of strings: hd, network, cdrom
 *   disks          list of {target, device, bus, type, format, source, readonly,
 *                   shareable, cache, io, discard, serial, boot, capacity, allocation,
 *                   physical, backing: list of {source, format}}
 *   nics           list of {type, model, mac, source, target, link, boot,
 *                   addresses: list of "ADDRESS/PREFIX", from: agent, lease or arp}
 *   graphics       list of {type, listen, port, tls_port, websocket, socket}
 *   videos         list of {model}
 *   serials        list of {type, target, port, path, log}
 *   channels       list of {name, type, state}
 *   hostdevs       list of {type, managed, source}
 *   filesystems    list of {source, target, driver}
 *   tpm            {model, backend}
 *   snapshots      list of {name, parent, description, created, state, current}
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <libvirt/libvirt.h>

/* NIC addresses by MAC in lower case: {"52:54:..": {"addresses": [...], "from": S}}.
 * DHCP leases and the host's ARP table are read at once; the guest agent is asked
 * in a thread of its own and waited for so long (microseconds), since it answers
 * when it likes. That thread gives up by itself after a few seconds, by setting
 * the domain's agent timeout for as long as it asks. */
json_t *kvm_addresses_read(virDomainPtr domain, gboolean agent, gint64 patience);

/* Appends the domain's snapshots to a new list. */
json_t *kvm_snapshots_read(virDomainPtr domain);
