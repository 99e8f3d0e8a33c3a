/* guest/kvm_move - moving a domain to another node's libvirt.
 *
 * The steps, in their order, are put together by agent/move; here is what needs libvirt:
 *
 *   source   kvm_move_offer()     what there is, and what stands in the way at the source
 *   target   kvm_move_check()     what stands in the way there; where each disk will be
 *   source   kvm_move_live()      libvirt's migration, over Unix sockets
 *   target   kvm_move_define()    for a domain that does not run
 *   both     kvm_move_state(), kvm_move_resume(), kvm_move_remove()
 *
 * Never twice. A live migration ends with the domain paused at the target: libvirt calls
 * it moved (and has ended it at the source) before it ever ran there. Only then does
 * the source say "commit", at which the target lets it run. So a target that never heard
 * it holds a domain that did not run, and a source whose domain is still there may always let
 * it go on; libvirt alone would let both run when the connection breaks in its last step.
 */
#pragma once

#include "backend/guest/kvm.h"
#include "backend/guest/kvm_xml.h"
#include "backend/guest/move_offer.h"

#include <sys/types.h>

/* What somebody wishes. */
typedef struct {
    const char *id, *node, *from; /* of the move; target; this node */
    int number;
    int mode; /* a MoveMode, or -1: live when it runs, else offline */
    gboolean with_disks;
    const char *storage; /* or NULL */
} MoveWish;

/* Reads the domain. What stands in the way here is put into verdict. NULL: it can't be read. */
MoveOffer *kvm_move_offer(KvmConnection *connection, KvmDomain *domain, const MoveWish *wish,
                          MoveVerdict *verdict, GError **error);
/* Checks it against this node, into verdict. storage: the directory that the offer's
 * storage means here, or NULL when it names none that is known. */
gboolean kvm_move_check(KvmConnection *connection, const MoveOffer *offer, const char *storage,
                        MoveVerdict *verdict, GError **error);

/* Versions as libvirt counts them, 0: not known. A domain that runs is taken by the same QEMU
 * and libvirt or newer ones; patch levels do not count. Pure. */
void kvm_move_check_versions(const MoveOffer *offer, guint64 libvirt, guint64 qemu,
                             MoveVerdict *verdict);
/* Whether the text of domain capabilities offers a value of an <enum> in <os>, such as
 * firmware efi. Pure. */
gboolean kvm_move_capable(const char *capabilities, const char *name, const char *value);

/* The definition with the disks where the verdict says. Caller frees. */
char *kvm_move_xml(const char *xml, const MoveVerdict *verdict, GError **error);
/* Who QEMU's processes are, by libvirt's word. */
gboolean kvm_move_owner(KvmConnection *connection, uid_t *uid, gid_t *gid, GError **error);

typedef struct {
    KvmConnection *source, *target;
    KvmDomain *domain;
    const MoveOffer *offer;
    const MoveVerdict *verdict;
    const char *memory_socket, *disk_socket; /* paths, the same at both ends */
    guint bandwidth;                         /* MiB a second; 0: no limit */
    const Job *job;
} KvmLiveMove;

/* Blocks until it has moved and is paused at the target. *figures (may be NULL): a new
 * object with what libvirt says of it. On failure nothing is known about where it is:
 * see kvm_move_state(). */
gboolean kvm_move_live(const KvmLiveMove *move, json_t **figures, GError **error);

/* Persistently; it must not be there yet. */
gboolean kvm_move_define(KvmConnection *connection, const char *xml, gboolean autostart,
                         GError **error);

typedef struct {
    gboolean defined; /* libvirt knows it */
    gboolean active, paused;
    gboolean working; /* a job of libvirt is at work on it */
} KvmMoveState;

/* FALSE when libvirt does not say. */
gboolean kvm_move_state(KvmConnection *connection, const char *native, KvmMoveState *state,
                        GError **error);
/* Asks libvirt to give up the job that it does on it. */
void kvm_move_abort(KvmConnection *connection, const char *native);
gboolean kvm_move_resume(KvmConnection *connection, const char *native, GError **error);
/* Ends it if it is active, and removes its definition; its disks stay. */
gboolean kvm_move_remove(KvmConnection *connection, const char *native, GError **error);
