/* Acts that wait for the guest: shut down, reboot, stop. */
#include "backend/guest/kvm_act.h"
#include "backend/guest/kvm_xml.h"

#include "backend/wire/message.h"

#include <string.h>

enum {
    TIMEOUT_DEFAULT = 180,              /* seconds */
    ASK_JOB_EVERY = G_USEC_PER_SEC / 5, /* whether to stop */
};

/* Hears what becomes of one domain. */
typedef struct {
    GMutex lock;
    GCond news;
    gboolean stopped, rebooted;
} Ear;

static void ear_clear(gpointer pointer)
{
    Ear *ear = pointer;
    g_mutex_clear(&ear->lock);
    g_cond_clear(&ear->news);
}

static void ear_unref(gpointer pointer)
{
    g_atomic_rc_box_release_full(pointer, ear_clear);
}

static void on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
                         void *user)
{
    Ear *ear = user;
    if (event != VIR_DOMAIN_EVENT_STOPPED)
        return;
    g_mutex_lock(&ear->lock);
    ear->stopped = TRUE;
    g_cond_signal(&ear->news);
    g_mutex_unlock(&ear->lock);
}

static void on_reboot(virConnectPtr connection, virDomainPtr domain, void *user)
{
    Ear *ear = user;
    g_mutex_lock(&ear->lock);
    ear->rebooted = TRUE;
    g_cond_signal(&ear->news);
    g_mutex_unlock(&ear->lock);
}

typedef struct {
    const KvmAct *act;
    Ear *ear;
    int identifiers[2];
    gint64 deadline;
    gboolean reboot; /* what is waited for: a reboot, else the stop */
} Wait;

/* Subscribes before anything is asked for, so that no answer is missed. */
static void wait_begin(Wait *wait, const KvmAct *act, gboolean reboot)
{
    wait->act = act;
    wait->reboot = reboot;
    wait->ear = g_atomic_rc_box_new0(Ear);
    g_mutex_init(&wait->ear->lock);
    g_cond_init(&wait->ear->news);
    wait->identifiers[0] = virConnectDomainEventRegisterAny(
        act->connection, act->domain, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
        VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), g_atomic_rc_box_acquire(wait->ear), ear_unref);
    wait->identifiers[1] = virConnectDomainEventRegisterAny(
        act->connection, act->domain, VIR_DOMAIN_EVENT_ID_REBOOT,
        VIR_DOMAIN_EVENT_CALLBACK(on_reboot), g_atomic_rc_box_acquire(wait->ear), ear_unref);
    for (size_t i = 0; i < G_N_ELEMENTS(wait->identifiers); i++)
        if (wait->identifiers[i] < 0)
            ear_unref(wait->ear);
    gint64 timeout = wire_get_integer(act->params, "timeout", TIMEOUT_DEFAULT);
    wait->deadline = g_get_monotonic_time() + timeout * G_USEC_PER_SEC;
}

static void wait_end(Wait *wait)
{
    for (size_t i = 0; i < G_N_ELEMENTS(wait->identifiers); i++)
        if (wait->identifiers[i] >= 0)
            (void)virConnectDomainEventDeregisterAny(wait->act->connection,
                                                     wait->identifiers[i]);
    ear_unref(wait->ear);
}

/* TRUE: it happened. FALSE without an error: not until then. */
static gboolean wait_until(const Wait *wait, gint64 until, GError **error)
{
    Ear *ear = wait->ear;
    gboolean happened = FALSE;
    while (!happened && g_get_monotonic_time() < until) {
        if (!job_continue(wait->act->job, error))
            return FALSE;
        if (virConnectIsAlive(wait->act->connection) != 1) {
            wire_error_set(
                error, WIRE_ERROR_UNAVAILABLE,
                "libvirt's daemon went away while vm %s was waited for; the guest may "
                "still do what it was asked for",
                wait->act->name);
            return FALSE;
        }
        gint64 pause = MIN(until, g_get_monotonic_time() + ASK_JOB_EVERY);
        g_mutex_lock(&ear->lock);
        while (!ear->stopped && !(wait->reboot && ear->rebooted) &&
               g_cond_wait_until(&ear->news, &ear->lock, pause))
            ;
        happened = ear->stopped || (wait->reboot && ear->rebooted);
        g_mutex_unlock(&ear->lock);
    }
    return happened;
}

static gboolean agent_connected(const KvmAct *act)
{
    char *text = virDomainGetXMLDesc(act->domain, 0);
    g_autoptr(KvmXml) xml = text ? kvm_xml_parse(text, strlen(text), NULL) : NULL;
    free(text);
    return xml && kvm_xml_brief(xml).agent;
}

typedef enum { WAY_AGENT, WAY_ACPI } Way;

static int ask(const Wait *wait, Way way)
{
    if (wait->reboot)
        return virDomainReboot(wait->act->domain, way == WAY_AGENT
                                                      ? VIR_DOMAIN_REBOOT_GUEST_AGENT
                                                      : VIR_DOMAIN_REBOOT_ACPI_POWER_BTN);
    return virDomainShutdownFlags(wait->act->domain, way == WAY_AGENT
                                                         ? VIR_DOMAIN_SHUTDOWN_GUEST_AGENT
                                                         : VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
}

/* Asks the agent, where there is one, for half of the time, then by ACPI. TRUE:
 * it happened. FALSE without an error: the time is over. */
static gboolean ask_and_wait(const Wait *wait, GError **error)
{
    const KvmAct *act = wait->act;
    const char *verb = wait->reboot ? "reboot" : "shut down";
    gboolean asked = FALSE;
    if (agent_connected(act)) {
        job_log(act->job, "asking the guest agent to %s", verb);
        job_progress(act->job, -1, "waiting for the guest agent");
        if (ask(wait, WAY_AGENT) == 0) {
            GError *failure = NULL;
            asked = TRUE;
            gint64 now = g_get_monotonic_time();
            if (wait_until(wait, now + (wait->deadline - now) / 2, &failure))
                return TRUE;
            if (failure) {
                g_propagate_error(error, failure);
                return FALSE;
            }
            job_log(act->job, "the guest did not %s for its agent", verb);
        } else {
            job_log(act->job, "the guest agent does not help: %s", virGetLastErrorMessage());
        }
    }
    job_log(act->job, "pressing the power button (ACPI)");
    job_progress(act->job, -1,
                 wait->reboot ? "waiting for the reboot" : "waiting for the guest");
    if (ask(wait, WAY_ACPI) < 0) {
        /* It may have gone down in this very moment. */
        if (wait_until(wait, g_get_monotonic_time() + ASK_JOB_EVERY, NULL))
            return TRUE;
        if (!asked) {
            kvm_error_set(error, "vm %s can't be asked to %s", act->name, verb);
            return FALSE;
        }
    }
    return wait_until(wait, wait->deadline, error);
}

gboolean kvm_act_shutdown(const KvmAct *act, GError **error)
{
    Wait wait;
    g_autoptr(GError) failure = NULL;
    wait_begin(&wait, act, FALSE);
    gboolean down = ask_and_wait(&wait, &failure);
    wait_end(&wait);
    if (down)
        return TRUE;
    gint64 timeout = wire_get_integer(act->params, "timeout", TIMEOUT_DEFAULT);
    if (failure) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (strcmp(wire_get_string(act->params, "then", "fail"), "stop") == 0) {
        job_log(act->job, "%s did not shut down within %d s, stopping it", act->name,
                (int)timeout);
        return kvm_act_stop(act, error);
    }
    wire_error_set(error, WIRE_ERROR_TIMEOUT,
                   "vm %s did not shut down within %d s; give it longer, or stop it", act->name,
                   (int)timeout);
    return FALSE;
}

gboolean kvm_act_reboot(const KvmAct *act, GError **error)
{
    Wait wait;
    GError *failure = NULL;
    wait_begin(&wait, act, TRUE);
    gboolean done = ask_and_wait(&wait, &failure);
    wait_end(&wait);
    if (done && virDomainIsActive(act->domain) == 1)
        return TRUE;
    if (done)
        wire_error_set(error, WIRE_ERROR_FAILED,
                       "vm %s stopped instead of rebooting: the guest powered off, or its "
                       "definition says so (on_reboot)",
                       act->name);
    else if (failure)
        g_propagate_error(error, failure);
    else
        wire_error_set(error, WIRE_ERROR_TIMEOUT,
                       "vm %s did not reboot within %d s; give it longer, or reset it",
                       act->name,
                       (int)wire_get_integer(act->params, "timeout", TIMEOUT_DEFAULT));
    return FALSE;
}

/* First so that QEMU can flush its disks, which libvirt gives up on after a while;
 * then in any case. Where libvirt was kept from it by what else it does, it would be again. */
gboolean kvm_act_stop(const KvmAct *act, GError **error)
{
    job_log(act->job, "stopping %s", act->name);
    if (virDomainDestroyFlags(act->domain, VIR_DOMAIN_DESTROY_GRACEFUL) == 0)
        return TRUE;
    int code = virGetLastErrorCode();
    if (code != VIR_ERR_OPERATION_INVALID && code != VIR_ERR_NO_DOMAIN &&
        code != VIR_ERR_OPERATION_TIMEOUT) {
        job_log(act->job, "QEMU does not end by itself, killing it");
        if (virDomainDestroy(act->domain) == 0)
            return TRUE;
    }
    kvm_end_error_set(error, act->domain, "can't be stopped");
    return FALSE;
}
