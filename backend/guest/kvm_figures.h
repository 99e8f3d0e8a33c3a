/* guest/kvm_figures - what libvirt's bulk statistics say, as rates.
 *
 * Pure but for memory: the parameters of one domain and the time of their reading
 * go in, GuestFigures come out. A rate is the difference to the last known value
 * over the monotonic time between the two; it is NAN at the first value, where
 * the counter is missing, and where it went back (a restart, a disk taken away).
 *
 * A turn is begin, add for each domain, end. Domains that a turn did not add are
 * forgotten.
 */
#pragma once

#include "backend/guest/driver.h"

#include <glib.h>
#include <libvirt/libvirt.h>

/* The statistics that are read; virDomainStatsTypes. */
#define KVM_FIGURES_STATS                                                                      \
    (VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_VCPU |           \
     VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK)
/* Those that may be left out of a turn: what is known of virtual processors then stays,
 * and their next rate is the average since. They are up to half of all, and libvirt reads
 * files for each. */
#define KVM_FIGURES_SLOW VIR_DOMAIN_STATS_VCPU

/* A counter as it was last seen. */
typedef struct {
    guint64 value;
    gint64 when; /* microseconds of monotonic time; 0: never */
} KvmCounter;

/* Units a second since the last value; NAN as above. */
double kvm_counter_rate(KvmCounter *counter, guint64 value, gint64 now);

/* Figures of one turn, for GuestEvents.figures. */
typedef struct {
    GuestFigures *figures;
    size_t count;
    double *vcpu; /* what the figures' vcpu point into */
} KvmBatch;

void kvm_batch_free(KvmBatch *batch);

typedef struct KvmFigures KvmFigures;

KvmFigures *kvm_figures_new(void);
void kvm_figures_free(KvmFigures *figures);

void kvm_figures_begin(KvmFigures *figures, gint64 now);
/* TRUE when processors or memory differ from the turn before: there is no event
 * for such a change, so the domain is worth a look. */
gboolean kvm_figures_add(KvmFigures *figures, const unsigned char *uuid,
                         const virTypedParameter *parameters, int count);
KvmBatch *kvm_figures_end(KvmFigures *figures);
