/* guest/kvm_files - hears of what libvirt's QEMU driver changes in its files.
 *
 * libvirt has no event for autostart, for a saved image that is removed, for a saved
 * definition that is edited beside the live one (virsh ... --config), and for some
 * changes of the live one (the medium of a drive). Each of them changes a file by
 * which the driver remembers it:
 *
 *                qemu:///system                    qemu:///session
 *   NAME.xml     /etc/libvirt/qemu                 $XDG_CONFIG_HOME/libvirt/qemu
 *   NAME.xml     /etc/libvirt/qemu/autostart       $XDG_CONFIG_HOME/libvirt/qemu/autostart
 *   NAME.save    /var/lib/libvirt/qemu/save        $XDG_CONFIG_HOME/libvirt/qemu/save
 *   NAME.xml     /run/libvirt/qemu (live)          $XDG_RUNTIME_DIR/libvirt/qemu/run
 *
 * These directories are watched by inotify; nothing in them is opened, since the
 * driver is to be asked. It writes them with the domain locked, so whoever asks
 * after the file changed is told what came of it.
 */
#pragma once

#include <glib.h>

typedef struct KvmFiles KvmFiles;

/* A file of the domain of that name changed, or of any (NULL). The name is as it
 * stands in the file system, and there need not be such a domain. Called in the
 * thread of kvm_events.h; must not block. */
typedef void (*KvmFileChanged)(const char *name, gpointer user);

/* uri: of the connection (virConnectGetURI). NULL, with user released, when its
 * daemon is on another machine or its directories can't be watched: then nothing
 * is heard. release is called for user when nothing more is. */
KvmFiles *kvm_files_watch(const char *uri, KvmFileChanged changed, gpointer user,
                          GDestroyNotify release);
void kvm_files_unwatch(KvmFiles *files); /* NULL is allowed */
