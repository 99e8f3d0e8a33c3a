/* guest/kvm_observe_private - finding domains and noticing what happens to them.
 *
 * Four threads, so that none can hold another up:
 *   reader   (kvm_observe_reader.c) owns the connection: opens it, lists, and reads a domain
 *            again whenever an event names it. Sleeps on its inbox. What has no event
 *            (autostart, a changed saved definition) is told by libvirt's files; where they
 *            can't be watched it lists again after a quiet minute. What it knows of domains,
 *            and what it reports of them, is in kvm_observe_known.c.
 *   figures  (kvm_observe_figures.c) asks for the statistics of all domains once a second.
 *            Those of virtual processors, which only who looks at a guest sees, it leaves out
 *            of four turns of five while nobody does.
 *   finder   (kvm_finder.h) asks for addresses.
 *   libvirt  (kvm_events.h) runs its event loop; callbacks (kvm_subscribe.h) only write to
 *            the inbox.
 * What they find goes to the main context as sources (report.h), in the order it was found.
 *
 * Silence is noticed by a timer in the main context (kvm_observe.c) that is set to a while
 * after the last answer, so it hardly ever fires while answers come. It first makes the
 * reader ask the daemon something small. If that is answered, not libvirt hangs but one
 * guest's QEMU, which the statistics wait for: then another figures thread takes over, which
 * passes by a guest that has a question pending, and the old one ends when it is answered. If
 * not, the driver is reported as stale.
 *
 * The connection is dropped only when it breaks. A daemon that was stopped and goes on
 * delivers the events of the time between; one that was killed is connected to again with
 * growing pauses, and everything is listed and compared with what was known.
 *
 * Each thread, and each callback that may still come, holds a reference to the observer: one
 * that waits for an answer when the observer is stopped is left behind, and ends when that
 * comes.
 */
#pragma once

#include "backend/guest/kvm.h"
#include "backend/guest/kvm_finder.h"
#include "backend/guest/kvm_subscribe.h"
#include "backend/guest/report.h"

#define KVM_PING_AFTER ((gint64)3 * G_USEC_PER_SEC) /* of silence */

typedef enum {
    KVM_NOTE_DOMAIN,    /* something happened to the domain `native` */
    KVM_NOTE_LOOK,      /* somebody wants to see it as it is now */
    KVM_NOTE_ADDRESSES, /* the finder found its addresses */
    KVM_NOTE_FILE,      /* a file of the domain `name` changed */
    KVM_NOTE_CLOSED,    /* the connection broke */
    KVM_NOTE_PING,      /* the daemon is to be asked something small */
    KVM_NOTE_STOP
} KvmNoteKind;

/* What stands in the reader's inbox. */
typedef struct {
    KvmNoteKind kind;
    char native[VIR_UUID_STRING_BUFLEN];
    GStrv addresses;
    char *name; /* NULL: any domain's */
} KvmNote;

struct GuestObserver {
    char *uri;
    GuestReport *report;
    GAsyncQueue *inbox; /* of KvmNote * */
    GSource *watchdog;
    KvmFinder *finder;             /* reader's */
    KvmSubscription *subscription; /* reader's: while there is a connection */
    GHashTable *edited;            /* reader's: natives whose files changed */
    gint64 edited_due;             /* reader's: when to read them; 0: there are none */
    gboolean connecting;           /* reader's: the list of a new connection is being read */
    GHashTable *known;             /* reader's: GuestSummary by native */
    guint happened;                /* atomic: what libvirt told of domains so far */

    GMutex lock; /* for what follows */
    GCond wake;  /* stop, a connection, the end of a thread */
    gboolean stop;
    virConnectPtr connection; /* NULL while there is none */
    guint generation;         /* of the figures thread at work; others end */
    guint threads;            /* that have not ended */
    guint figures_threads;
    gint64 looked;        /* monotonic: when somebody last looked at a guest; 0: never */
    gint64 answered;      /* monotonic: last answer, or begin of connecting */
    gint64 answered_real; /* seconds since 1970; 0: never */
    gboolean pinged;
    gboolean pong; /* the ping was answered, but no statistics since */
    GuestDriverHealth health;
    gboolean health_known;
    json_t *versions;
};

/* ---- kvm_observe.c ---- */

GuestObserver *kvm_observer_ref(GuestObserver *observer);
void kvm_observer_unref(gpointer observer);
gboolean kvm_observer_is_stopped(GuestObserver *observer);

/* The daemon answered. statistics: it was a figures thread that heard it. */
void kvm_observer_note_answer(GuestObserver *observer, gboolean statistics);
/* With the lock held, so that reports go out in the order of their making. Reports it if it
 * is news; reason may be NULL. */
void kvm_observer_set_health(GuestObserver *observer, GuestDriverHealth health,
                             const char *reason);
/* With the lock held: sets the timer so long after the last answer. */
void kvm_observer_arm_watchdog(GuestObserver *observer, gint64 after);

/* Puts a note into the inbox; native may be NULL. */
void kvm_observer_push(GuestObserver *observer, KvmNoteKind kind, const char *native);
void kvm_note_free(gpointer note);

/* ---- kvm_observe_figures.c ---- */

/* With the lock held: begins a figures thread, in place of the one at work. */
void kvm_observer_start_figures(GuestObserver *observer);

/* ---- kvm_observe_reader.c ---- */

/* The reader's thread; takes a reference to the observer. */
gpointer kvm_observer_read(gpointer observer);

/* ---- kvm_observe_known.c: in the reader's thread ---- */

/* Reads one domain again, and reports what is new of it. */
void kvm_known_look(GuestObserver *observer, virConnectPtr connection, const char *native);
/* Reads all that there are; FALSE when libvirt does not list them. */
gboolean kvm_known_list(GuestObserver *observer, virConnectPtr connection);
/* What the finder found; may take the note's addresses. */
void kvm_known_take_addresses(GuestObserver *observer, KvmNote *note);
