/* guest/driver - what the agent asks of a kind of guest: one table a driver.
 *
 * A driver has three faces, and none of them knows sessions or screens:
 *
 *   observe   runs in the agent, in threads of the driver's own. It finds every
 *             guest, notices changes by the library's events, measures once a
 *             second, and reports through GuestEvents, always in the main
 *             context given to it. It survives the library's daemon being
 *             stopped, hung or restarted, and says so through health().
 *   read      describe() and definition() block; the agent calls them in a
 *             worker thread with a deadline, any number at once.
 *   act       act(), recover() and stream() block; the agent calls them in a
 *             child process of their own, so they may make connections, change
 *             namespaces and be killed at any moment.
 *
 * A guest is named by its native identifier, stable over renames where the
 * library has such a thing: libvirt's UUID; for a container "LXCPATH/NAME".
 * Numbers such as vm/100 are not known here.
 *
 * All functions set a WIRE_ERROR and leave outputs untouched on failure.
 */
#pragma once

#include "backend/job/job.h"
#include "backend/wire/vocabulary.h"

#include <glib.h>
#include <jansson.h>

/* Where the guests are; shared by all drivers. Owned by the caller, and must
 * live as long as the driver is in use. */
typedef struct {
    const char *libvirt_uri;      /* qemu:///system */
    const char *const *lxc_paths; /* absolute, NULL-terminated */
} GuestSettings;

/* What is known of a guest without asking it anything; see object.h. */
typedef struct {
    GuestKind kind;
    char *native;
    char *name;
    GuestState state;
    char *reason;       /* may be NULL */
    gint64 started;     /* seconds since 1970; 0: does not run, or not known */
    int vcpus;          /* 0: not known */
    guint64 memory_max; /* bytes; 0: not known or unlimited */
    gboolean autostart;
    gboolean persistent;
    gboolean pending;
    gboolean agent;
    gboolean privileged;
    guint64 definition; /* guest_definition_hash() of the saved one; 0: none, or not known */
    GStrv addresses;    /* may be NULL */
} GuestSummary;

/* Another text has another hash, but for chance; never 0. */
guint64 guest_definition_hash(const char *text, size_t length);

void guest_summary_free(GuestSummary *summary);
GuestSummary *guest_summary_copy(const GuestSummary *summary);
gboolean guest_summary_equal(const GuestSummary *a, const GuestSummary *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestSummary, guest_summary_free)

/* Figures of one guest for the second that just ended: rates from monotonic
 * time. A figure that is not known, or whose counter went back, is NAN. */
typedef struct {
    const char *native;             /* borrowed */
    double cpu;                     /* percent of one processor */
    double memory_used, memory_rss; /* bytes */
    double disk_read, disk_write;   /* bytes a second */
    double disk_operations;         /* a second */
    double net_in, net_out;         /* bytes a second */
    int vcpu_count;
    const double *vcpu; /* percent each, borrowed; NULL when not known */
} GuestFigures;

typedef enum {
    GUEST_DRIVER_OK,
    GUEST_DRIVER_STALE,  /* answered before, does not now */
    GUEST_DRIVER_ABSENT, /* not installed or not running */
} GuestDriverHealth;

typedef struct {
    /* A guest appeared or its summary changed (borrowed). */
    void (*changed)(const GuestSummary *summary, gpointer user);
    /* It is gone: undefined, deleted, or a transient one that stopped. */
    void (*gone)(const char *native, gpointer user);
    /* What observe_look() was asked for is done: what the guest was then, or that it
     * is gone, has been reported. Does not come while the library does not answer. */
    void (*looked)(const char *native, gpointer user);
    /* Once a second, all running guests in one call (borrowed). */
    void (*figures)(const GuestFigures *figures, size_t count, gpointer user);
    /* since: when it last answered, seconds since 1970; reason: in words, with
     * what to do; versions: {"libvirt": "9.0.0", "qemu": "7.2.22"}, borrowed. */
    void (*health)(GuestDriverHealth health, gint64 since, const char *reason,
                   const json_t *versions, gpointer user);
} GuestEvents;

typedef struct GuestObserver GuestObserver; /* each driver's own */

/* A console, a shell or a program in a guest, joined to a descriptor. */
typedef enum { GUEST_STREAM_CONSOLE, GUEST_STREAM_SHELL, GUEST_STREAM_EXEC } GuestStreamKind;

typedef struct {
    GuestStreamKind kind;
    gboolean take;              /* take the console over from who has it */
    int rows, columns;          /* 0: no terminal */
    const char *const *command; /* EXEC: NULL-terminated */
    int timeout;                /* EXEC: seconds */
    int data;                   /* descriptor: bytes in both directions */
    int control;                /* descriptor: lines "resize ROWS COLUMNS", or -1 */
} GuestStreamRequest;

typedef struct {
    const char *name; /* "kvm", "lxc" */
    GuestKind kind;

    GuestObserver *(*observe)(const GuestSettings *settings, GMainContext *context,
                              const GuestEvents *events, gpointer user);
    void (*observe_stop)(GuestObserver *observer); /* joins its threads, or leaves a hung one */
    /* Look at this guest now, and say so with looked() when it has been reported. */
    void (*observe_look)(GuestObserver *observer, const char *native);

    /* Everything about a guest, for people: a new object. */
    json_t *(*describe)(const GuestSettings *settings, const char *native, GError **error);
    /* Its definition in its native format, to be freed with g_free(). */
    char *(*definition)(const GuestSettings *settings, const char *native, gboolean saved,
                        GError **error);

    /* Does one act of vocabulary.h; params are those of the method guest.ACT
     * (see method.c), checked. On success *result may be set to a new object. */
    gboolean (*act)(const GuestSettings *settings, const char *native, GuestAct act,
                    const json_t *params, const Job *job, json_t **result, GError **error);
    /* An act was interrupted after it left this note: finish or undo it, and say
     * in *outcome (to be g_freed) which. Must be safe to call again. */
    gboolean (*recover)(const GuestSettings *settings, const char *native, GuestAct act,
                        const json_t *note, const Job *job, char **outcome, GError **error);
    /* Joins a console, shell or program to request->data until either side ends.
     * *exit_status is the program's, or -1. */
    gboolean (*stream)(const GuestSettings *settings, const char *native,
                       const GuestStreamRequest *request, int *exit_status, GError **error);
} GuestDriver;

extern const GuestDriver guest_driver_kvm; /* guest/kvm.c */
extern const GuestDriver guest_driver_lxc; /* guest/lxc.c */
