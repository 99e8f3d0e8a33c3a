#include "agent/task/cluster_change.h"

#include "agent/task/cluster_wait.h"
#include "backend/cluster/change_message.h"
#include "backend/wire/error.h"

#include <string.h>
#include <unistd.h>

enum { UP_WITHIN = 15, AGENTS_WITHIN = 15, STEP_WITHIN = 40, UNDONE_WITHIN = 40 /* seconds */ };

/* An agent, by its node. */
typedef struct {
    MembershipPeer peer;
    guint id;
    char *name;
    char *hash;
    guint64 version;
    gboolean prepared, committed, kept, undone;
} Voter;

typedef struct {
    ClusterWait wait;
    const ClusterChange *change;
    char *id;
    GPtrArray *voters; /* of Voter: one a member */
    gboolean gathered; /* the voters are known: from now on one that goes is a failure */
    char *trouble;     /* who refused or went away, and why; or NULL */
    gboolean reloaded;
    GError *reload_error;
} Lead;

static void voter_free(gpointer data)
{
    Voter *voter = data;
    g_free(voter->name);
    g_free(voter->hash);
    g_free(voter);
}

static Voter *voter_of(const Lead *lead, guint id)
{
    for (guint i = 0; i < lead->voters->len; i++)
        if (((Voter *)lead->voters->pdata[i])->id == id)
            return lead->voters->pdata[i];
    return NULL;
}

static void trouble(Lead *lead, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The first trouble is the one to be told. */
static void trouble(Lead *lead, const char *format, ...)
{
    va_list values;
    if (lead->trouble)
        return;
    va_start(values, format);
    lead->trouble = g_strdup_vprintf(format, values);
    va_end(values);
}

/* ---- what is heard ---- */

/* Agents may be heard of before corosync says who their nodes are. */
static const char *name_of(const Lead *lead, Voter *voter)
{
    const MembershipNode *node =
        membership_view_node(membership_view(lead->wait.membership), voter->id);
    if (node) {
        g_free(voter->name);
        voter->name = g_strdup(node->name);
    }
    return voter->name ? voter->name : "?";
}

static void take_here(const Lead *lead, const MembershipPeer *from,
                      const ChangeMessage *message)
{
    Voter *voter = voter_of(lead, from->node);
    if (lead->gathered)
        return;
    if (!voter) {
        voter = g_new0(Voter, 1);
        g_ptr_array_add(lead->voters, voter);
    }
    voter->peer = *from;
    voter->id = from->node;
    (void)name_of(lead, voter);
    g_free(voter->hash);
    voter->hash = g_strdup(message->hash);
    voter->version = message->version;
}

static void on_message(guint group, const MembershipPeer *from, const void *data, size_t size,
                       gpointer user)
{
    Lead *lead = user;
    g_autoptr(ChangeMessage) message = change_message_read(data, size, NULL);
    if (message && message->kind == CHANGE_HERE)
        take_here(lead, from, message);
    Voter *voter = message ? voter_of(lead, from->node) : NULL;
    if (!voter || strcmp(message->change, lead->id) != 0)
        return;
    voter->prepared |= message->kind == CHANGE_PREPARED;
    voter->committed |= message->kind == CHANGE_COMMITTED;
    voter->kept |= message->kind == CHANGE_KEPT;
    voter->undone |= message->kind == CHANGE_UNDONE;
    if (message->kind == CHANGE_REFUSED)
        trouble(lead, "%s: %s", name_of(lead, voter), message->reason);
}

static void on_members(guint group, const MembershipPeer *peers, guint count, gpointer user)
{
    Lead *lead = user;
    if (!lead->gathered)
        return;
    for (guint i = 0; i < lead->voters->len; i++) {
        Voter *voter = lead->voters->pdata[i];
        gboolean there = FALSE;
        for (guint p = 0; p < count && !there; p++)
            there =
                peers[p].node == voter->peer.node && peers[p].process == voter->peer.process;
        if (!there)
            trouble(lead, "the agent of %s went away in the middle of the change",
                    name_of(lead, voter));
    }
}

/* ---- what is waited for ---- */

static gboolean is_quorate(gpointer user)
{
    const MembershipView *view = membership_view(((Lead *)user)->wait.membership);
    return view && view->quorate;
}

static gboolean has_all_agents(gpointer user)
{
    const Lead *lead = user;
    const MembershipView *view = membership_view(lead->wait.membership);
    for (guint i = 0; view && i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        if (node->member && !voter_of(lead, node->id))
            return FALSE;
    }
    return view != NULL;
}

#define ALL(what)                                                                              \
    static gboolean all_##what(gpointer user)                                                  \
    {                                                                                          \
        const Lead *lead = user;                                                               \
        guint count = 0;                                                                       \
        for (guint i = 0; i < lead->voters->len; i++)                                          \
            count += ((const Voter *)lead->voters->pdata[i])->what ? 1 : 0;                    \
        return lead->trouble || count == lead->voters->len;                                    \
    }
ALL(prepared)
ALL(committed)

static gboolean all_of_undone(const Lead *lead, gboolean kept)
{
    for (guint i = 0; i < lead->voters->len; i++) {
        const Voter *voter = lead->voters->pdata[i];
        if (!(kept ? voter->kept : voter->undone))
            return FALSE;
    }
    return TRUE;
}

/* Trouble is no reason to stop waiting for these. */
static gboolean all_kept(gpointer user)
{
    return all_of_undone(user, TRUE);
}

static gboolean all_undone(gpointer user)
{
    return all_of_undone(user, FALSE);
}

static gboolean is_reloaded(gpointer user)
{
    const Lead *lead = user;
    return lead->reloaded || lead->trouble;
}

/* All members have read that version, and nobody was lost. */
static gboolean is_in_force(const Lead *lead, guint64 version)
{
    const MembershipView *view = membership_view(lead->wait.membership);
    if (!view || !view->quorate || view->config_version != version)
        return FALSE;
    for (guint i = 0; i < lead->voters->len; i++) {
        const MembershipNode *node =
            membership_view_node(view, ((const Voter *)lead->voters->pdata[i])->id);
        if (!node || !node->member || node->config_version != version)
            return FALSE;
    }
    return TRUE;
}

static gboolean is_settled(gpointer user)
{
    const Lead *lead = user;
    const ClusterChange *change = lead->change;
    if (lead->trouble)
        return TRUE;
    if (!is_in_force(lead, corosync_conf_version(change->target)))
        return FALSE;
    return !change->holds ||
           change->holds(membership_view(lead->wait.membership), change->user);
}

static gboolean is_back(gpointer user)
{
    const Lead *lead = user;
    return is_in_force(lead, corosync_conf_version(lead->change->target) + 1);
}

/* ---- the steps ---- */

static gboolean send(const Lead *lead, ChangeMessage message, GError **error)
{
    message.change = lead->id;
    message.without = lead->change->without;
    char *line = change_message_write(&message);
    gboolean good = membership_send(lead->wait.membership, 0, line, strlen(line), error);
    free(line);
    return good;
}

/* Waits, and fails with the trouble that there was. */
static gboolean wait_for(Lead *lead, gboolean (*done)(gpointer), guint seconds,
                         const char *what, GError **error)
{
    if (!cluster_wait(&lead->wait, done, seconds, what, error))
        return FALSE;
    if (!lead->trouble)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_FAILED, "%s", lead->trouble);
    return FALSE;
}

static gboolean check_agents(const Lead *lead, GError **error)
{
    g_autofree char *text = corosync_text_dump(lead->change->base);
    g_autofree char *hash = change_hash(text);
    for (guint i = 0; i < lead->voters->len; i++) {
        Voter *voter = lead->voters->pdata[i];
        if (strcmp(voter->hash, hash) == 0)
            continue;
        wire_error_set(error, WIRE_ERROR_STATE,
                       "corosync.conf on %s (version %" G_GUINT64_FORMAT
                       ") is not the same as here (version %" G_GUINT64_FORMAT
                       "): make them the same first, see gantry cluster status",
                       name_of(lead, voter), voter->version,
                       corosync_conf_version(lead->change->base));
        return FALSE;
    }
    return TRUE;
}

static gboolean gather(Lead *lead, GError **error)
{
    g_autoptr(GError) late = NULL;
    job_progress(lead->wait.job, 5, "asking all members");
    if (!cluster_wait(&lead->wait, is_quorate, UP_WITHIN,
                      "the cluster is not quorate here: see gantry cluster status", error))
        return FALSE;
    if (!cluster_wait(&lead->wait, has_all_agents, AGENTS_WITHIN, "", &late)) {
        const MembershipView *view = membership_view(lead->wait.membership);
        for (guint i = 0; view && i < view->nodes->len; i++) {
            const MembershipNode *node = view->nodes->pdata[i];
            if (!node->member || voter_of(lead, node->id))
                continue;
            wire_error_set(
                error, WIRE_ERROR_UNAVAILABLE,
                "the agent of %s does not answer in the cluster: start gantryd there",
                node->name);
            return FALSE;
        }
        g_propagate_error(error, g_steal_pointer(&late));
        return FALSE;
    }
    lead->gathered = TRUE;
    return check_agents(lead, error);
}

static void on_reloaded(const GError *error, gpointer user)
{
    Lead *lead = user;
    lead->reloaded = TRUE;
    if (error)
        trouble(lead, "%s", error->message);
}

static gboolean put_in_force(Lead *lead, GError **error)
{
    const ClusterChange *change = lead->change;
    const Job *job = lead->wait.job;
    guint64 version = corosync_conf_version(change->target);
    const char *missing = change->holds
                              ? change->missing
                              : "the cluster did not become quorate with the new corosync.conf";
    job_log(job, "corosync reads version %" G_GUINT64_FORMAT " on all members", version);
    membership_reload(lead->wait.membership, on_reloaded, lead);
    if (!wait_for(lead, is_reloaded, STEP_WITHIN, "corosync did not read its file", error))
        return FALSE;
    job_progress(job, 60, change->holds ? change->waiting : "waiting for quorum");
    return wait_for(lead, is_settled,
                    change->holds ? CLUSTER_CHANGE_AWAIT : CLUSTER_CHANGE_SETTLE, missing,
                    error);
}

static gboolean make(Lead *lead, GError **error)
{
    const Job *job = lead->wait.job;
    g_autofree char *text = corosync_text_dump(lead->change->target);
    g_autofree char *base = corosync_text_dump(lead->change->base);
    g_autofree char *hash = change_hash(base);
    job_progress(job, 20, "all members check the new corosync.conf");
    if (!send(lead, (ChangeMessage){.kind = CHANGE_PROPOSE, .text = text, .hash = hash},
              error) ||
        !wait_for(lead, all_prepared, STEP_WITHIN, "not all members answered", error))
        return FALSE;
    job_log(job, "all %u members have checked and written it", lead->voters->len);
    job_progress(job, 40, "all members put it in force");
    if (!send(lead, (ChangeMessage){.kind = CHANGE_COMMIT}, error) ||
        !wait_for(lead, all_committed, STEP_WITHIN, "not all members answered", error))
        return FALSE;
    return lead->change->without ? TRUE : put_in_force(lead, error);
}

static void undo(Lead *lead, const char *reason)
{
    const Job *job = lead->wait.job;
    gboolean committed = FALSE;
    for (guint i = 0; i < lead->voters->len; i++)
        committed |= ((const Voter *)lead->voters->pdata[i])->committed;
    job_log(job, "it is taken back: %s", reason);
    job_progress(job, 80, "taking it back on all members");
    lead->wait.deaf = TRUE; /* a wish to stop is fulfilled by this */
    if (!send(lead, (ChangeMessage){.kind = CHANGE_UNDO, .reason = (char *)(gintptr)reason},
              NULL) ||
        !cluster_wait(&lead->wait, all_undone, UNDONE_WITHIN, "", NULL))
        job_log(job, "not all members have said that it is taken back");
    else if (committed && !cluster_wait(&lead->wait, is_back, CLUSTER_CHANGE_SETTLE, "", NULL))
        job_log(job, "the cluster is not quorate yet with what was before");
    else
        job_log(job, "all members have what was before");
}

static gboolean lead_on(Lead *lead, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (!gather(lead, error))
        return FALSE;
    if (!make(lead, &failure)) {
        undo(lead, failure->message);
        g_propagate_prefixed_error(error, g_steal_pointer(&failure), "rolled back: ");
        return FALSE;
    }
    /* From here on it stays: what fails now is nobody's reason to go back. */
    lead->wait.deaf = TRUE;
    job_progress(lead->wait.job, 90, "it stays");
    return send(lead, (ChangeMessage){.kind = CHANGE_KEEP}, error) &&
           cluster_wait(&lead->wait, all_kept, STEP_WITHIN,
                        "not all members have said that it stays", error);
}

gboolean cluster_change_lead(const ClusterChange *change, const Job *job, GError **error)
{
    static const char *const groups[] = {"gantry/1/config", NULL};
    const MembershipEvents events = {
        .changed = cluster_wait_nothing, .members = on_members, .message = on_message};
    Lead lead = {.change = change, .voters = g_ptr_array_new_with_free_func(voter_free)};
    lead.id = g_strdup_printf("%s-%d-%" G_GINT64_FORMAT, g_get_host_name(), (int)getpid(),
                              g_get_real_time());
    cluster_wait_begin(&lead.wait, groups, &events, &lead, job);
    gboolean good = lead_on(&lead, error);
    cluster_wait_end(&lead.wait);
    g_ptr_array_unref(lead.voters);
    g_free(lead.trouble);
    g_free(lead.id);
    return good;
}
