/* Statistics: see
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virConnectGetAllDomainStats
 */
#include "backend/guest/kvm_figures.h"

#include <math.h>
#include <string.h>

enum { VCPU_MAX = 4096 };

typedef struct {
    KvmCounter time;
    double rate; /* percent, as last told */
} Vcpu;

/* What is remembered of a domain from turn to turn. */
typedef struct {
    unsigned char uuid[VIR_UUID_BUFLEN]; /* first: it is the key */
    char native[VIR_UUID_STRING_BUFLEN];
    guint turn;
    guint64 current, maximum; /* processors, KiB */
    KvmCounter cpu, disk_read, disk_write, disk_operations, net_in, net_out;
    Vcpu *vcpu;
    guint vcpu_room, vcpu_count; /* as many as were told of last */
} History;

/* The parameters of one domain, added up. seen: at least one was there. */
typedef struct {
    guint64 cpu, disk_read, disk_write, disk_operations, net_in, net_out;
    gboolean cpu_seen, disk_seen, net_seen;
    guint64 current, maximum, available, unused, usable, rss;
    gboolean available_seen, unused_seen, usable_seen, rss_seen;
} Sums;

struct KvmFigures {
    GHashTable *histories; /* of History by its uuid */
    GArray *figures;       /* of GuestFigures; vcpu is an index until the end */
    GArray *vcpu;          /* of double */
    guint count;           /* of the turn before */
    guint turn;
    gint64 now;
};

double kvm_counter_rate(KvmCounter *counter, guint64 value, gint64 now)
{
    double rate = NAN;
    if (counter->when && now > counter->when && value >= counter->value)
        rate = (double)(value - counter->value) * 1e6 / (double)(now - counter->when);
    counter->value = value;
    counter->when = now;
    return rate;
}

static guint hash_uuid(gconstpointer key)
{
    guint hash;
    memcpy(&hash, key, sizeof hash);
    return hash;
}

static gboolean equal_uuid(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, VIR_UUID_BUFLEN) == 0;
}

static void history_free(gpointer pointer)
{
    History *history = pointer;
    g_free(history->vcpu);
    g_free(history);
}

KvmFigures *kvm_figures_new(void)
{
    KvmFigures *figures = g_new0(KvmFigures, 1);
    figures->histories = g_hash_table_new_full(hash_uuid, equal_uuid, NULL, history_free);
    return figures;
}

void kvm_figures_free(KvmFigures *figures)
{
    if (!figures)
        return;
    g_hash_table_unref(figures->histories);
    if (figures->figures)
        g_array_unref(figures->figures);
    if (figures->vcpu)
        g_array_unref(figures->vcpu);
    g_free(figures);
}

void kvm_figures_begin(KvmFigures *figures, gint64 now)
{
    figures->turn++;
    figures->now = now;
    figures->figures = g_array_sized_new(FALSE, FALSE, sizeof(GuestFigures), figures->count);
    figures->vcpu = g_array_sized_new(FALSE, FALSE, sizeof(double), figures->count);
}

static History *history_of(KvmFigures *figures, const unsigned char *uuid)
{
    History *history = g_hash_table_lookup(figures->histories, uuid);
    if (history)
        return history;
    history = g_new0(History, 1);
    memcpy(history->uuid, uuid, sizeof history->uuid);
    g_snprintf(history->native, sizeof history->native,
               "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", uuid[0],
               uuid[1], uuid[2], uuid[3], uuid[4], uuid[5], uuid[6], uuid[7], uuid[8], uuid[9],
               uuid[10], uuid[11], uuid[12], uuid[13], uuid[14], uuid[15]);
    g_hash_table_insert(figures->histories, history->uuid, history);
    return history;
}

static guint64 value_of(const virTypedParameter *parameter)
{
    switch (parameter->type) {
    case VIR_TYPED_PARAM_ULLONG:
        return parameter->value.ul;
    case VIR_TYPED_PARAM_UINT:
        return parameter->value.ui;
    case VIR_TYPED_PARAM_LLONG:
        return parameter->value.l < 0 ? 0 : (guint64)parameter->value.l;
    case VIR_TYPED_PARAM_INT:
        return parameter->value.i < 0 ? 0 : (guint64)parameter->value.i;
    default:
        return 0;
    }
}

/* What follows the prefix, or NULL. There are dozens of names a domain and second, which
 * mostly differ at once: this is quicker than strncmp(). */
static inline const char *after(const char *name, const char *prefix)
{
    for (; *prefix; name++, prefix++)
        if (*name != *prefix)
            return NULL;
    return name;
}

static inline gboolean is(const char *name, const char *word)
{
    const char *rest = after(name, word);
    return rest && !*rest;
}

/* "12.rest": the number before the dot, and what follows it in *rest. */
static gboolean numbered(const char *text, guint *number, const char **rest)
{
    guint value = 0;
    const char *c = text;
    for (; g_ascii_isdigit(*c) && value <= VCPU_MAX; c++)
        value = value * 10 + (guint)(*c - '0');
    if (c == text || *c != '.')
        return FALSE;
    *number = value;
    *rest = c + 1;
    return TRUE;
}

static void add_block(Sums *sums, const char *name, const virTypedParameter *parameter)
{
    guint64 *sum = is(name, "rd.bytes")                         ? &sums->disk_read
                   : is(name, "wr.bytes")                       ? &sums->disk_write
                   : is(name, "rd.reqs") || is(name, "wr.reqs") ? &sums->disk_operations
                                                                : NULL;
    if (sum) {
        *sum += value_of(parameter);
        sums->disk_seen = TRUE;
    }
}

static void add_net(Sums *sums, const char *name, const virTypedParameter *parameter)
{
    guint64 *sum = is(name, "rx.bytes")   ? &sums->net_in
                   : is(name, "tx.bytes") ? &sums->net_out
                                          : NULL;
    if (sum) {
        *sum += value_of(parameter);
        sums->net_seen = TRUE;
    }
}

static void add_balloon(Sums *sums, const char *name, const virTypedParameter *parameter)
{
    guint64 value = value_of(parameter);
    if (is(name, "maximum")) {
        sums->maximum = value;
    } else if (is(name, "rss")) {
        sums->rss = value;
        sums->rss_seen = TRUE;
    } else if (is(name, "available")) {
        sums->available = value;
        sums->available_seen = TRUE;
    } else if (is(name, "unused")) {
        sums->unused = value;
        sums->unused_seen = TRUE;
    } else if (is(name, "usable")) {
        sums->usable = value;
        sums->usable_seen = TRUE;
    }
}

/* One virtual processor's time. Those of lower numbers that are not told of are off. */
static void add_vcpu(const KvmFigures *figures, History *history, guint number,
                     guint64 nanoseconds)
{
    if (number >= VCPU_MAX)
        return;
    if (number >= history->vcpu_room) {
        history->vcpu = g_renew(Vcpu, history->vcpu, number + 1);
        memset(history->vcpu + history->vcpu_room, 0,
               (number + 1 - history->vcpu_room) * sizeof(Vcpu));
        history->vcpu_room = number + 1;
    }
    for (; history->vcpu_count <= number; history->vcpu_count++)
        history->vcpu[history->vcpu_count].rate = NAN;
    Vcpu *vcpu = &history->vcpu[number];
    vcpu->rate = kvm_counter_rate(&vcpu->time, nanoseconds, figures->now) / 1e7;
}

static void add_parameter(const KvmFigures *figures, History *history, Sums *sums,
                          const virTypedParameter *parameter)
{
    const char *field = parameter->field, *rest;
    guint number;
    if ((rest = after(field, "net."))) {
        if (numbered(rest, &number, &rest))
            add_net(sums, rest, parameter);
    } else if ((rest = after(field, "block."))) {
        if (numbered(rest, &number, &rest))
            add_block(sums, rest, parameter);
    } else if ((rest = after(field, "balloon."))) {
        add_balloon(sums, rest, parameter);
    } else if ((rest = after(field, "vcpu."))) {
        if (is(rest, "current")) { /* the first of them */
            sums->current = value_of(parameter);
            history->vcpu_count = 0;
        } else if (numbered(rest, &number, &rest) && is(rest, "time")) {
            add_vcpu(figures, history, number, value_of(parameter));
        }
    } else if (is(field, "cpu.time")) {
        sums->cpu = value_of(parameter);
        sums->cpu_seen = TRUE;
    }
}

/* The guest's own word: what it has less what it could give away. */
static double memory_used(const Sums *sums)
{
    guint64 left = sums->usable_seen ? sums->usable : sums->unused;
    if (!sums->available_seen || (!sums->usable_seen && !sums->unused_seen) ||
        left > sums->available)
        return NAN;
    return (double)(sums->available - left) * 1024;
}

static double rate_if(gboolean seen, KvmCounter *counter, guint64 value, gint64 now)
{
    return seen ? kvm_counter_rate(counter, value, now) : NAN;
}

gboolean kvm_figures_add(KvmFigures *figures, const unsigned char *uuid,
                         const virTypedParameter *parameters, int count)
{
    Sums sums = {0};
    History *history = history_of(figures, uuid);
    gint64 now = figures->now;
    for (int i = 0; i < count; i++)
        add_parameter(figures, history, &sums, &parameters[i]);

    GuestFigures figure = {
        .native = history->native,
        .cpu = rate_if(sums.cpu_seen, &history->cpu, sums.cpu, now) / 1e7,
        .memory_used = memory_used(&sums),
        .memory_rss = sums.rss_seen ? (double)sums.rss * 1024 : NAN,
        .disk_read = rate_if(sums.disk_seen, &history->disk_read, sums.disk_read, now),
        .disk_write = rate_if(sums.disk_seen, &history->disk_write, sums.disk_write, now),
        .disk_operations =
            rate_if(sums.disk_seen, &history->disk_operations, sums.disk_operations, now),
        .net_in = rate_if(sums.net_seen, &history->net_in, sums.net_in, now),
        .net_out = rate_if(sums.net_seen, &history->net_out, sums.net_out, now),
    };
    /* After a restart what was told of its processors before is no longer so. */
    if (!sums.current && isnan(figure.cpu))
        history->vcpu_count = 0;
    figure.vcpu_count = (int)history->vcpu_count;
    for (guint i = 0; i < history->vcpu_count; i++)
        g_array_append_val(figures->vcpu, history->vcpu[i].rate);
    g_array_append_val(figures->figures, figure);
    gboolean changed = history->turn && ((sums.current && sums.current != history->current) ||
                                         (sums.maximum && sums.maximum != history->maximum));
    if (sums.current)
        history->current = sums.current;
    if (sums.maximum)
        history->maximum = sums.maximum;
    history->turn = figures->turn;
    return changed;
}

static gboolean is_forgotten(gpointer key, gpointer value, gpointer user)
{
    return ((const History *)value)->turn != ((const KvmFigures *)user)->turn;
}

KvmBatch *kvm_figures_end(KvmFigures *figures)
{
    KvmBatch *batch = g_new0(KvmBatch, 1);
    size_t count = figures->figures->len;
    /* The identifiers outlive the histories that they came from. */
    gsize strings = count * VIR_UUID_STRING_BUFLEN;
    batch->figures = g_malloc0(count * sizeof(GuestFigures) + strings + 1);
    if (count)
        memcpy(batch->figures, figures->figures->data, count * sizeof(GuestFigures));
    batch->count = count;
    figures->count = (guint)count;
    batch->vcpu = (double *)(gpointer)g_array_free(g_steal_pointer(&figures->vcpu), FALSE);
    char *text = (char *)(batch->figures + count);
    const double *next = batch->vcpu;
    for (size_t i = 0; i < count; i++, text += VIR_UUID_STRING_BUFLEN) {
        GuestFigures *figure = &batch->figures[i];
        memcpy(text, figure->native, VIR_UUID_STRING_BUFLEN);
        figure->native = text;
        if (figure->vcpu_count) {
            figure->vcpu = next;
            next += figure->vcpu_count;
        }
    }
    g_array_unref(g_steal_pointer(&figures->figures));
    g_hash_table_foreach_remove(figures->histories, is_forgotten, figures);
    return batch;
}

void kvm_batch_free(KvmBatch *batch)
{
    if (!batch)
        return;
    g_free(batch->figures);
    g_free(batch->vcpu);
    g_free(batch);
}
