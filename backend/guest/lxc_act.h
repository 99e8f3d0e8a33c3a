/* guest/lxc_act - acts on a container.
 *
 * Each looks at the state first and is refused with WIRE_ERROR_STATE where
 * guest_act_refusal() says so, WIRE_ERROR_NOT_FOUND when the container vanished,
 * WIRE_ERROR_UNAVAILABLE when its monitor does not answer. Then:
 *
 *   start      the container belongs to nobody: its monitor leaves this process's
 *              session, control group and descriptors, and survives it.
 *   shutdown   asks init to end and waits params.timeout seconds (180); then fails,
 *              or stops it with params.then "stop".
 *   reboot     is done when another init runs; a container that stops instead is
 *              a failure.
 *   delete     with params.all_disks: the container and its root file system. Without:
 *              only the definition goes, LXCPATH/NAME/config becomes
 *              config.deleted-DATE-TIME beside the untouched root file system, and
 *              naming it config again brings the container back. The result says
 *              {"kept": directory, "config": file}. Refused while there are snapshots.
 *   rename     the directory, the paths to it in the configuration and the host name
 *              where it was the old name. The result says {"native": the new one}.
 *   autostart  changes lxc.start.auto in the configuration and no other line.
 *
 * A task that is killed in delete or rename is finished, or undone where nothing
 * irreversible had happened, by lxc_recover(); the notes are
 * {"act": "delete", "device", "inode"} and {"act": "rename", "name": NEW}. All other acts are
 * one step of liblxc's and leave nothing to recover.
 */
#pragma once

#include "backend/guest/driver.h"
#include "backend/guest/lxc_container.h"

gboolean lxc_act(const GuestSettings *settings, const char *native, GuestAct act,
                 const json_t *params, const Job *job, json_t **result, GError **error);
gboolean lxc_recover(const GuestSettings *settings, const char *native, GuestAct act,
                     const json_t *note, const Job *job, char **outcome, GError **error);

/* The container opened for an act that makes sense in its state now, or NULL with
 * the refusal. */
LxcHandle *lxc_act_open(const char *path, const char *name, GuestAct act, GError **error);

/* lxc_delete.c */
gboolean lxc_delete(const char *path, const char *name, const json_t *params, const Job *job,
                    json_t **result, GError **error);
gboolean lxc_delete_recover(const char *path, const char *name, const json_t *note,
                            char **outcome, GError **error);
/* Removes PATH/NAME with all in it, following no links and leaving no file system. That
 * it is not there is no error. */
gboolean lxc_tree_remove(const char *path, const char *name, GError **error);
/* lxc_rename.c */
gboolean lxc_rename(const char *path, const char *name, const json_t *params, const Job *job,
                    json_t **result, GError **error);
gboolean lxc_rename_recover(const char *path, const char *name, const json_t *note,
                            char **outcome, GError **error);

/* Why liblxc failed, from its log of this process: to be called right after. Adds
 * to *error "container NAME could not be WHAT: REASON". */
void lxc_act_fail(LxcHandle *handle, const char *what, GError **error);
