/* libvirt's migration, from the process between both daemons, in a thread; beside it its
 * progress is told and a wish to stop is heard. */
#include "backend/guest/kvm_move.h"
#include "backend/wire/message.h"

#include <string.h>

enum { LOOK_US = 250000 };

typedef struct {
    const KvmLiveMove *move;
    virTypedParameterPtr params;
    int count;
    unsigned flags;
    GMutex lock;
    GCond ended;
    gboolean done;
    gboolean good;
    GError *error;
} Work;

static gpointer migrate(gpointer data)
{
    Work *work = data;
    const KvmLiveMove *move = work->move;
    g_autoptr(GError) error = NULL;
    virDomainPtr moved = virDomainMigrate3(move->domain, move->target, work->params,
                                           (unsigned)work->count, work->flags);
    if (!moved)
        kvm_error_set(&error, "libvirt could not move it");
    g_mutex_lock(&work->lock);
    work->good = moved != NULL;
    work->error = g_steal_pointer(&error);
    work->done = TRUE;
    g_cond_signal(&work->ended);
    g_mutex_unlock(&work->lock);
    if (moved)
        (void)virDomainFree(moved);
    return NULL;
}

/* ---- what is asked of libvirt ---- */

static gboolean add_text(Work *work, int *room, const char *key, const char *text)
{
    return !text || virTypedParamsAddString(&work->params, &work->count, room, key, text) == 0;
}

static gboolean fill(Work *work, GError **error)
{
    const KvmLiveMove *move = work->move;
    int room = 0;
    g_autofree char *memory = g_strconcat("unix://", move->memory_socket, NULL);
    g_autofree char *disks = g_strconcat("unix://", move->disk_socket, NULL);
    g_autofree char *live = kvm_move_xml(move->offer->live, move->verdict, error);
    g_autofree char *saved =
        live ? kvm_move_xml(move->offer->definition, move->verdict, error) : NULL;
    gboolean copies = !move_verdict_is_shared(move->verdict);
    if (!saved)
        return FALSE;
    gboolean good =
        add_text(work, &room, VIR_MIGRATE_PARAM_URI, memory) &&
        add_text(work, &room, VIR_MIGRATE_PARAM_DEST_XML, live) &&
        add_text(work, &room, VIR_MIGRATE_PARAM_PERSIST_XML,
                 move->offer->persistent ? saved : NULL) &&
        add_text(work, &room, VIR_MIGRATE_PARAM_DISKS_URI, copies ? disks : NULL) &&
        (!move->bandwidth ||
         virTypedParamsAddULLong(&work->params, &work->count, &room,
                                 VIR_MIGRATE_PARAM_BANDWIDTH, move->bandwidth) == 0);
    for (guint i = 0; good && i < move->verdict->places->len; i++) {
        const MovePlace *place = move->verdict->places->pdata[i];
        if (place->copy)
            good = add_text(work, &room, VIR_MIGRATE_PARAM_MIGRATE_DISKS, place->target);
    }
    if (!good)
        wire_error_set(error, WIRE_ERROR_INTERNAL, "libvirt takes no parameters");
    /* Paused there: it runs when both sides have said so, see kvm_move.h. libvirt can't know
     * that a directory is shared in a way that it has no name for; here it was proved. */
    work->flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_PAUSED | VIR_MIGRATE_AUTO_CONVERGE |
                  VIR_MIGRATE_ABORT_ON_ERROR | VIR_MIGRATE_UNSAFE;
    if (move->offer->persistent)
        work->flags |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
    if (copies)
        work->flags |= VIR_MIGRATE_NON_SHARED_DISK;
    return good;
}

/* ---- how far it is ---- */

static guint64 number(virTypedParameterPtr params, int count, const char *key)
{
    unsigned long long value = 0;
    (void)virTypedParamsGetULLong(params, count, key, &value);
    return value;
}

static void tell_progress(const KvmLiveMove *move)
{
    virTypedParameterPtr params = NULL;
    int type = VIR_DOMAIN_JOB_NONE, count = 0;
    if (virDomainGetJobStats(move->domain, &type, &params, &count, 0) < 0)
        return;
    guint64 total = number(params, count, VIR_DOMAIN_JOB_DATA_TOTAL);
    guint64 done = number(params, count, VIR_DOMAIN_JOB_DATA_PROCESSED);
    guint64 left = number(params, count, VIR_DOMAIN_JOB_DATA_REMAINING);
    guint64 elapsed = number(params, count, VIR_DOMAIN_JOB_TIME_ELAPSED);
    gboolean running = type == VIR_DOMAIN_JOB_UNBOUNDED || type == VIR_DOMAIN_JOB_BOUNDED;
    virTypedParamsFree(params, count);
    if (!running || total == 0)
        return;
    g_autofree char *sent = g_format_size_full(done, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *rest = g_format_size_full(left, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *time =
        elapsed > 1000 && done > 0
            ? g_strdup_printf(", %.0f s more",
                              (double)left / ((double)done / (double)elapsed) / 1000)
            : g_strdup("");
    g_autofree char *text = g_strdup_printf("moving: %s sent, %s left%s", sent, rest, time);
    job_progress(move->job, 10 + 80 * (1 - (double)left / (double)MAX(total, left)), text);
}

static json_t *read_figures(const KvmLiveMove *move)
{
    virTypedParameterPtr params = NULL;
    int type, count = 0;
    g_autoptr(KvmDomain) there = virDomainLookupByUUIDString(move->target, move->offer->native);
    if (!there ||
        virDomainGetJobStats(there, &type, &params, &count, VIR_DOMAIN_JOB_STATS_COMPLETED) < 0)
        return json_object();
    json_t *figures = json_pack(
        "{s:I,s:I,s:I}", "ms", (json_int_t)number(params, count, VIR_DOMAIN_JOB_TIME_ELAPSED),
        "downtime_ms", (json_int_t)number(params, count, VIR_DOMAIN_JOB_DOWNTIME), "bytes",
        (json_int_t)number(params, count, VIR_DOMAIN_JOB_DATA_PROCESSED));
    virTypedParamsFree(params, count);
    return figures;
}

/* Until the migration has ended. TRUE: somebody wished that it stops. */
static gboolean follow(Work *work)
{
    gboolean cancelled = FALSE;
    g_mutex_lock(&work->lock);
    while (!work->done) {
        if (g_cond_wait_until(&work->ended, &work->lock, g_get_monotonic_time() + LOOK_US))
            continue;
        g_mutex_unlock(&work->lock);
        if (!job_continue(work->move->job, NULL)) {
            if (!cancelled)
                job_log(work->move->job, "asking libvirt to stop");
            cancelled = TRUE;
            (void)virDomainAbortJob(work->move->domain);
        } else {
            tell_progress(work->move);
        }
        g_mutex_lock(&work->lock);
    }
    g_mutex_unlock(&work->lock);
    return cancelled;
}

gboolean kvm_move_live(const KvmLiveMove *move, json_t **figures, GError **error)
{
    Work work = {.move = move};
    if (!fill(&work, error)) {
        virTypedParamsFree(work.params, work.count);
        return FALSE;
    }
    g_mutex_init(&work.lock);
    g_cond_init(&work.ended);
    GThread *thread = g_thread_new("migrate", migrate, &work);
    gboolean cancelled = follow(&work);
    g_thread_join(thread);
    g_mutex_clear(&work.lock);
    g_cond_clear(&work.ended);
    virTypedParamsFree(work.params, work.count);
    if (work.good) {
        if (figures)
            *figures = read_figures(move);
        return TRUE;
    }
    if (cancelled) {
        g_clear_error(&work.error);
        wire_error_set(&work.error, WIRE_ERROR_CANCELLED, "it was cancelled");
    }
    g_propagate_error(error, work.error);
    return FALSE;
}
