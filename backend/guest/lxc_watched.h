/* guest/lxc_watched - one container as the observer knows it.
 *
 * It asks liblxc when told to, at most one question at a time (a second one while
 * the first is out is asked after it), watches the container's init, measures, and
 * reports what changed. All functions belong to the observer's thread.
 */
#pragma once

#include "backend/guest/lxc_work.h"
#include "backend/guest/report.h"

typedef struct LxcWatched LxcWatched;

/* What the watched containers share; it outlives them. */
typedef struct {
    GMainContext *context;
    GuestReport *report;
    LxcWork *work;
    /* It does not exist any more: to be forgotten. */
    void (*vanished)(LxcWatched *watched, gpointer user);
    /* It is starting or stopping: lxc_watched_look_again() should be called soon. */
    void (*passing)(gpointer user);
    gpointer user;
} LxcWatchedOwner;

/* Begins by asking liblxc; is reported once there is an answer, or none in time. */
LxcWatched *lxc_watched_new(const LxcWatchedOwner *owner, const char *path, const char *name);
/* Reports it gone and frees it, at once or when liblxc answered. */
void lxc_watched_forget(LxcWatched *watched);
/* Frees it and tells nobody; no question may be out. */
void lxc_watched_free(gpointer watched);

const char *lxc_watched_native(const LxcWatched *watched);
const char *lxc_watched_name(const LxcWatched *watched);
const char *lxc_watched_path(const LxcWatched *watched);

/* Asks liblxc. */
void lxc_watched_ask(LxcWatched *watched);
/* The same, and reports that it was looked at. */
void lxc_watched_look(LxcWatched *watched);
/* Asks liblxc if it was not running and now has a monitor. */
void lxc_watched_probe(LxcWatched *watched);
/* Asks liblxc if it is starting or stopping; FALSE when it is neither, or has been
 * for so long that once a second is enough. */
gboolean lxc_watched_look_again(LxcWatched *watched);
/* Once a second: reports what is to be seen without liblxc, and fills in the
 * figures; FALSE when there are none. slowly: read what seldom changes too. */
gboolean lxc_watched_measure(LxcWatched *watched, gboolean slowly, GuestFigures *figures);
