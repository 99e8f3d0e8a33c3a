/* Managed save: libvirt writes the guest's memory to a file and stops it.
 *
 * The save is libvirtd's work, not ours: it goes on when this process is killed,
 * and it can't be given up any more once all memory is written. So a note is left
 * before it begins, and what became of the guest is read from libvirt in the end,
 * not concluded from who asked for what. */
#include "backend/guest/kvm_act.h"

#include "backend/wire/message.h"

enum {
    ASK_PROGRESS_EVERY = G_USEC_PER_SEC / 2,
    ASK_JOB_EVERY = G_USEC_PER_SEC / 5,
    GIVE_UP_PATIENCE = 120 * G_USEC_PER_SEC, /* for the end of a save nobody wants */
};

typedef struct {
    const KvmAct *act;
    GMutex lock;
    GCond ended;
    gboolean done;
    GError *failure;
} Saving;

static gpointer run_save(gpointer pointer)
{
    Saving *saving = pointer;
    GError *failure = NULL;
    if (virDomainManagedSave(saving->act->domain, 0) < 0)
        kvm_error_set(&failure, "vm %s can't be saved", saving->act->name);
    g_mutex_lock(&saving->lock);
    saving->failure = failure;
    saving->done = TRUE;
    g_cond_signal(&saving->ended);
    g_mutex_unlock(&saving->lock);
    return NULL;
}

static void report_save(const KvmAct *act)
{
    int type = VIR_DOMAIN_JOB_NONE, count = 0;
    virTypedParameterPtr parameters = NULL;
    unsigned long long total = 0, processed = 0;
    if (virDomainGetJobStats(act->domain, &type, &parameters, &count, 0) < 0)
        return;
    if (type != VIR_DOMAIN_JOB_NONE &&
        virTypedParamsGetULLong(parameters, count, VIR_DOMAIN_JOB_DATA_TOTAL, &total) == 1 &&
        virTypedParamsGetULLong(parameters, count, VIR_DOMAIN_JOB_DATA_PROCESSED, &processed) ==
            1 &&
        total > 0)
        job_progress(act->job, MIN(100.0, 100.0 * (double)processed / (double)total),
                     "writing memory to disk");
    virTypedParamsFree(parameters, count);
}

/* Until libvirt is through with it. TRUE when it was told to give up. */
static gboolean wait_for_save(Saving *saving)
{
    const KvmAct *act = saving->act;
    gboolean aborted = FALSE;
    g_mutex_lock(&saving->lock);
    while (!saving->done) {
        gint64 until = g_get_monotonic_time() + ASK_PROGRESS_EVERY;
        if (g_cond_wait_until(&saving->ended, &saving->lock, until))
            continue;
        g_mutex_unlock(&saving->lock);
        report_save(act);
        if (!aborted && !job_continue(act->job, NULL)) {
            aborted = virDomainAbortJob(act->domain) == 0;
            if (aborted)
                job_log(act->job, "told libvirt to give up saving");
        }
        g_mutex_lock(&saving->lock);
    }
    g_mutex_unlock(&saving->lock);
    return aborted;
}

static gboolean is_saved(virDomainPtr domain)
{
    return virDomainIsActive(domain) == 0 && virDomainHasManagedSaveImage(domain, 0) == 1;
}

gboolean kvm_act_save(const KvmAct *act, GError **error)
{
    if (virDomainIsPersistent(act->domain) == 0) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "vm %s can't be saved: it has no saved definition to start from again",
                       act->name);
        return FALSE;
    }
    g_autoptr(json_t) note = json_pack("{s:o}", "name", wire_string(act->name));
    if (!job_continue(act->job, error) || !job_note(act->job, note, error))
        return FALSE;
    Saving saving = {.act = act};
    g_mutex_init(&saving.lock);
    g_cond_init(&saving.ended);
    job_log(act->job, "saving the memory of %s", act->name);
    GThread *thread = g_thread_new("kvm-save", run_save, &saving);
    gboolean aborted = wait_for_save(&saving);
    g_thread_join(thread);
    g_mutex_clear(&saving.lock);
    g_cond_clear(&saving.ended);
    g_autoptr(GError) failure = saving.failure;
    if (failure && is_saved(act->domain)) {
        job_log(act->job, "its memory was written before libvirt gave up: it is saved");
        g_clear_error(&failure);
    }
    if (!failure)
        return TRUE;
    if (!job_note(act->job, NULL, error))
        return FALSE;
    if (!aborted || job_continue(act->job, error))
        g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

static gboolean has_job(virDomainPtr domain)
{
    virDomainJobInfo info;
    return virDomainGetJobInfo(domain, &info) == 0 && info.type != VIR_DOMAIN_JOB_NONE;
}

gboolean kvm_save_recover(const KvmAct *act, char **outcome, GError **error)
{
    gint64 end = g_get_monotonic_time() + GIVE_UP_PATIENCE;
    if (act->domain && has_job(act->domain))
        job_log(act->job, "libvirt is still saving: it is told to give up");
    while (act->domain && has_job(act->domain) && g_get_monotonic_time() < end) {
        (void)virDomainAbortJob(act->domain);
        g_usleep(ASK_JOB_EVERY);
    }
    if (act->domain && has_job(act->domain)) {
        wire_error_set(error, WIRE_ERROR_TIMEOUT,
                       "libvirt is still saving vm %s and does not give up", act->name);
        return FALSE;
    }
    if (act->domain && is_saved(act->domain))
        *outcome = g_strdup_printf(
            "the memory of vm %s had been saved all the same: start it to go on", act->name);
    else if (act->domain && virDomainIsActive(act->domain) == 1)
        *outcome = g_strdup_printf("vm %s runs on, and nothing of it was saved", act->name);
    else
        *outcome = g_strdup_printf("vm %s does not run, and has no saved memory", act->name);
    return job_note(act->job, NULL, error);
}
