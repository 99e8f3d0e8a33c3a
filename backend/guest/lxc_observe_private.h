/* guest/lxc_observe_private - what the parts of lxc_observe.h share.
 *
 *   lxc_observe.c        the thread: what it does once a second, and the face
 *   lxc_observe_paths.c  the container paths: which containers there are, by scans that may
 *                        hang, and by inotify's news of their directories; and the driver's
 *                        health, which is that of the paths
 *   lxc_watched.h        one container
 *
 * All but the face runs in the observer's thread, and there the struct needs no lock.
 */
#pragma once

#include "backend/guest/lxc_observe.h"
#include "backend/guest/lxc_watched.h"

/* A directory of containers. */
typedef struct {
    GuestObserver *observer;
    char *path;
    gboolean busy;   /* it is being scanned: */
    gboolean again;  /* and is to be once more */
    gboolean late;   /* it does not answer */
    gboolean known;  /* it has answered once: */
    gboolean exists; /* and is there */
} LxcPath;

struct GuestObserver {
    GThread *thread;
    GMainContext *context;
    GMainLoop *loop;
    LxcWatchedOwner shared;
    GPtrArray *paths;       /* of LxcPath */
    GHashTable *containers; /* native to LxcWatched */
    GHashTable *watches;    /* inotify watch to the native it is about, or the path */
    int notify, root_watch;
    GSource *tick, *soon, *news;
    gint64 slow_due; /* seconds of monotonic time */
    GuestDriverHealth health;
    char *health_reason;
    gboolean health_told;
    gint64 answered; /* seconds since 1970 */
};

/* ---- lxc_observe.c ---- */

/* Ticks on the next full second, however long it was to sleep. */
void lxc_observer_wake(GuestObserver *observer);
/* Looks whether containers that do not run have been started. */
void lxc_observer_probe(GuestObserver *observer);
/* It has gone. An LxcWatchedOwner's vanished. */
void lxc_observer_forget(LxcWatched *watched, gpointer observer);

/* ---- lxc_observe_paths.c ---- */

void lxc_path_free(gpointer path);
/* Finds out which containers there are; again when a scan is under way. */
void lxc_path_scan(LxcPath *path);
/* A GUnixFDSourceFunc for the observer's inotify descriptor. */
gboolean lxc_paths_take_news(int descriptor, GIOCondition condition, gpointer observer);
