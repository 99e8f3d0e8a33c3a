#include "agent/cluster.h"

#include "agent/alarms.h"
#include "agent/cluster_device.h"
#include "agent/cluster_events.h"
#include "agent/cluster_follow.h"
#include "agent/cluster_lost.h"
#include "agent/cluster_nodes.h"
#include "agent/cluster_problems.h"
#include "agent/cluster_roster.h"
#include "agent/cluster_status.h"
#include "agent/cluster_store.h"
#include "agent/cluster_vitals.h"
#include "agent/guests.h"
#include "agent/inventory.h"
#include "agent/peers.h"
#include "agent/task_board.h"
#include "backend/cluster/corosync_device.h"
#include "backend/cluster/corosync_files.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <unistd.h>

enum {
    READ_DEADLINE = 10000, /* ms */
    SETTLE = 5             /* seconds in which corosync may start before it is missed */
};

struct ClusterPart {
    Agent *agent;
    Membership *membership;
    ClusterFollow *follow;
    ClusterStore *store;
    StoreState store_state; /* as last told, and since when */
    gint64 store_since;
    ClusterDevice *device;
    ClusterVitals *vitals;
    ClusterNodes *nodes;
    CorosyncText *conf;
    char *trouble; /* why corosync.conf can't be used */
    gboolean reading, again;
    gboolean known; /* whether there is a conf */
    guint64 loaded; /* the version that corosync had when the file was read */
    MembershipState seen;
    MembershipView *told; /* what the events told last is about; NULL: nothing yet */
    gint64 began;
    guint settle;
    GPtrArray *waiting; /* of Request: status asked while the file is read */
    GHashTable *alarms; /* keys raised */
    ClusterLost *lost;  /* nodes that are not seen */
};

/* ---- telling ---- */

static ClusterFacts facts_of(const ClusterPart *part)
{
    ClusterFacts facts = {.node = part->agent->node,
                          .view = membership_view(part->membership),
                          .conf = part->conf,
                          .conf_trouble = part->trouble,
                          .vitals = cluster_vitals_table(part->vitals),
                          .device_report = cluster_device_report(part->device),
                          .device_trouble = cluster_device_trouble(part->device),
                          .store_part = part->store,
                          .lost = part->lost};
    if (part->agent->store) {
        const GError *reason = store_reason(part->agent->store);
        store_status(part->agent->store, &facts.store);
        facts.store_trouble = reason ? reason->message : NULL;
        facts.documents = store_is_loaded(part->agent->store) ? part->agent->store : NULL;
    }
    facts.store_settled =
        part->store_state == facts.store.state &&
        g_get_monotonic_time() - part->store_since > (gint64)SETTLE * G_USEC_PER_SEC;
    facts.state = membership_state(part->membership, &facts.since);
    return facts;
}

/* A corosync that has just ended or started is no alarm yet. */
static gboolean is_settled(const ClusterFacts *facts)
{
    return (facts->state == MEMBERSHIP_UP && facts->view && facts->view->quorate) ||
           g_get_monotonic_time() - facts->since > (gint64)SETTLE * G_USEC_PER_SEC;
}

/* Nor is what a change under way brings with it: a node that joins is not seen at first. */
static gboolean is_changing(const ClusterPart *part)
{
    const TaskEngine *engine = task_board_engine(part->agent->tasks);
    return cluster_follow_busy(part->follow) ||
           (engine && task_engine_find_object(engine, "cluster"));
}

/* What cluster_events.h tells needs no event for its alarm. */
static gboolean is_told(const char *key)
{
    return g_str_equal(key, "cluster/quorum") || g_str_has_prefix(key, "cluster/node/") ||
           g_str_has_prefix(key, "cluster/link/");
}

static void tell_alarms(ClusterPart *part, const ClusterFacts *facts)
{
    g_autoptr(GPtrArray) problems = cluster_problems(facts);
    g_autoptr(GHashTable) before = g_steal_pointer(&part->alarms);
    part->alarms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < problems->len; i++) {
        const ClusterProblem *problem = problems->pdata[i];
        alarms_raise_told(part->agent->alarms, problem->severity, problem->key, problem->object,
                          is_told(problem->key), "%s", problem->text);
        g_hash_table_add(part->alarms, g_strdup(problem->key));
    }
    GHashTableIter iterator;
    gpointer key;
    g_hash_table_iter_init(&iterator, before);
    while (g_hash_table_iter_next(&iterator, &key, NULL))
        if (!g_hash_table_contains(part->alarms, key))
            alarms_clear(part->agent->alarms, key);
}

static void tell_node(const ClusterPart *part, const ClusterFacts *facts)
{
    const char *name = cluster_status_name(facts);
    json_t *fields = json_pack("{s:n,s:n,s:n,s:n,s:o}", "cluster", "quorate", "members",
                               "cluster_size", "peers", cluster_roster(facts));
    if (name) {
        const MembershipView *view = facts->view;
        guint size =
            view ? view->nodes->len : corosync_text_count(facts->conf, "nodelist.node");
        json_object_set_new(fields, "cluster", wire_string(name));
        json_object_set_new(fields, "cluster_size", json_integer(size));
        json_object_set_new(fields, "members", json_integer(membership_view_members(view)));
        json_object_set_new(
            fields, "quorate",
            json_boolean(view && view->quorate && facts->state == MEMBERSHIP_UP));
    }
    inventory_update(part->agent->inventory, OBJECT_NODE, part->agent->node, fields);
}

static gboolean on_settled(gpointer user);

static void tell_lost(ClusterPart *part)
{
    if (part->agent->guests)
        guest_table_set_lost(part->agent->guests, cluster_lost_nodes(part->lost));
}

static void tell(ClusterPart *part)
{
    ClusterFacts facts = facts_of(part);
    if (part->known && !part->trouble && cluster_lost_review(part->lost, &facts))
        tell_lost(part);
    tell_node(part, &facts);
    if (part->known && !part->reading && facts.documents)
        cluster_nodes_review(part->nodes, &facts, cluster_store_leads(part->store));
    if (!is_changing(part))
        cluster_store_stay(part->store);
    if (is_settled(&facts) && !is_changing(part))
        tell_alarms(part, &facts);
    else if (!part->settle)
        part->settle = g_timeout_add_seconds(SETTLE + 1, on_settled, part);
}

static gboolean on_settled(gpointer user)
{
    ClusterPart *part = user;
    part->settle = 0;
    tell(part);
    return G_SOURCE_REMOVE;
}

/* ---- status ---- */

static void answer_status(const ClusterPart *part, Request *request)
{
    ClusterFacts facts = facts_of(part);
    request_answer(request, cluster_status_json(&facts));
}

static void answer_waiting(gpointer user)
{
    ClusterPart *part = user;
    for (guint i = 0; i < part->waiting->len; i++)
        answer_status(part, part->waiting->pdata[i]);
    g_ptr_array_set_size(part->waiting, 0);
}

/* A device is asked for before the answer, as nothing tells when its state changes. */
static void prepare_answer(ClusterPart *part)
{
    g_autoptr(CorosyncDevice) device = corosync_device_read(part->conf);
    if (part->waiting->len > 0 && device)
        cluster_device_ask(part->device, answer_waiting, part);
    else
        answer_waiting(part);
}

/* ---- the file ---- */

/* What a look at the files found. */
typedef struct {
    CorosyncText *conf;
    guint64 left; /* the store of the cluster that this node was let out of; 0: none */
    GError *error;
} Files;

static void files_free(gpointer data)
{
    Files *files = data;
    corosync_text_free(files->conf);
    g_clear_error(&files->error);
    g_free(files);
}

static CorosyncText *read_conf(int directory, GError **error)
{
    g_autoptr(CorosyncText) conf = corosync_file_load(directory, COROSYNC_CONF, error);
    if (conf && corosync_conf_is_untouched(conf)) {
        wire_error_set(error, WIRE_ERROR_NOT_FOUND, "it is as the package ships it");
        return NULL;
    }
    return conf && corosync_conf_check(conf, error) ? g_steal_pointer(&conf) : NULL;
}

static gpointer read_files(gpointer data, GError **error)
{
    int directory = corosync_directory_open(COROSYNC_DIRECTORY, error);
    if (directory < 0)
        return NULL;
    Files *files = g_new0(Files, 1);
    files->conf = read_conf(directory, &files->error);
    g_autoptr(CorosyncText) left = corosync_file_load(directory, COROSYNC_CONF_LEFT, NULL);
    files->left = left ? corosync_conf_store(left) : 0;
    (void)close(directory);
    return files;
}

static void follow_device(const ClusterPart *part)
{
    if (!cluster_follow_writes(part->follow))
        cluster_device_follow(part->device, part->conf, membership_view(part->membership));
}

static void refresh(ClusterPart *part);

/* An answer that comes too late says nothing about the file. */
static void take_files(ClusterPart *part, Files *files, const GError *error)
{
    const GError *why = error ? error : files->error;
    WireErrorCode code = why ? wire_error_code(why) : WIRE_ERROR_FAILED;
    gboolean none = code == WIRE_ERROR_NOT_FOUND || code == WIRE_ERROR_UNAVAILABLE;
    if (code != WIRE_ERROR_TIMEOUT) {
        g_clear_pointer(&part->conf, corosync_text_free);
        g_clear_pointer(&part->trouble, g_free);
        part->conf = files ? g_steal_pointer(&files->conf) : NULL;
    }
    if (why && !none) {
        g_free(part->trouble);
        part->trouble = g_strdup(why->message);
    }
    part->known = part->conf || none;
    /* A file that can't be used says nothing about the store. */
    if (part->known)
        cluster_store_conf(part->store, part->conf, files ? files->left : 0);
}

static void on_read(gpointer result, const GError *error, gpointer user)
{
    ClusterPart *part = user;
    Files *files = result;
    part->reading = FALSE;
    take_files(part, files, error);
    if (files)
        files_free(files);
    g_autofree char *text = part->conf ? corosync_text_dump(part->conf) : NULL;
    cluster_follow_file(part->follow, text, part->conf ? corosync_conf_version(part->conf) : 0);
    peers_follow(part->agent->peers, part->conf);
    tell(part);
    follow_device(part);
    prepare_answer(part);
    if (part->again)
        refresh(part);
}

static void refresh(ClusterPart *part)
{
    part->again = part->reading;
    if (part->reading)
        return;
    part->reading = TRUE;
    worker_submit(part->agent->workers, &(WorkerJob){.key = "corosync.conf",
                                                     .deadline = READ_DEADLINE,
                                                     .run = read_files,
                                                     .free_result = files_free,
                                                     .done = on_read,
                                                     .user = part});
}

/* ---- from corosync ---- */

/* While corosync is away nothing is known of the others: the next look begins anew. */
static void tell_events(ClusterPart *part)
{
    const TaskEngine *engine = task_board_engine(part->agent->tasks);
    const TaskInfo *task = engine ? task_engine_find_object(engine, "cluster") : NULL;
    const MembershipView *view = membership_view(part->membership);
    const ClusterChange change = {is_changing(part), task ? task->owner : NULL, part->conf};
    cluster_events_tell(part->agent->events, part->told, view, &change);
    g_clear_pointer(&part->told, membership_view_unref);
    part->told = view ? membership_view_ref(view) : NULL;
}

static void on_changed(gpointer user)
{
    ClusterPart *part = user;
    tell_events(part);
    const MembershipView *view = membership_view(part->membership);
    MembershipState state = membership_state(part->membership, NULL);
    guint64 version = view ? view->config_version : 0;
    gboolean other = version != part->loaded || state != part->seen;
    part->loaded = version;
    part->seen = state;
    tell(part);
    cluster_follow_view(part->follow);
    cluster_store_view(part->store);
    if (other)
        refresh(part);
    else if (!part->reading)
        follow_device(part);
}

static void on_members(guint group, const MembershipPeer *peers, guint count, gpointer user)
{
    ClusterPart *part = user;
    if (group == CLUSTER_GROUP_CONFIG)
        cluster_follow_members(part->follow, peers, count);
    else if (group == CLUSTER_GROUP_VITALS)
        cluster_vitals_members(part->vitals, peers, count);
    else
        cluster_store_members(part->store, peers, count);
}

static void on_message(guint group, const MembershipPeer *from, const void *data, size_t size,
                       gpointer user)
{
    ClusterPart *part = user;
    if (group == CLUSTER_GROUP_CONFIG)
        cluster_follow_message(part->follow, from, data, size);
    else if (group == CLUSTER_GROUP_VITALS)
        cluster_vitals_message(part->vitals, from, data, size);
    else
        cluster_store_message(part->store, from, data, size);
}

static void on_followed(gpointer user)
{
    refresh(user);
}

static void on_news(gpointer user)
{
    tell(user);
}

static void on_store_told(gpointer user)
{
    ClusterPart *part = user;
    StoreStatus status;
    store_status(part->agent->store, &status);
    if (status.state != part->store_state) {
        part->store_state = status.state;
        part->store_since = g_get_monotonic_time();
    }
    tell(part);
}

static void on_recalled(gpointer user)
{
    ClusterPart *part = user;
    tell_lost(part);
    tell(part);
}

ClusterPart *cluster_part_new(Agent *agent)
{
    static const char *const groups[] = {CLUSTER_GROUPS_NAMES, NULL};
    static const MembershipEvents events = {
        .changed = on_changed, .members = on_members, .message = on_message};
    ClusterPart *part = g_new0(ClusterPart, 1);
    part->agent = agent;
    part->waiting = g_ptr_array_new();
    part->alarms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    part->lost = cluster_lost_new(agent->local, on_recalled, part);
    part->device = cluster_device_new(agent);
    part->membership = membership_new(groups, &events, part);
    part->vitals = cluster_vitals_new(part->membership, on_news, part);
    part->nodes = cluster_nodes_new(agent, on_news, part);
    part->follow = cluster_follow_new(agent, part->membership, on_followed, part);
    part->store =
        cluster_store_new(agent, part->membership, CLUSTER_GROUP_AGENTS, on_store_told, part);
    refresh(part);
    return part;
}

void cluster_part_free(ClusterPart *part)
{
    if (!part)
        return;
    g_clear_handle_id(&part->settle, g_source_remove);
    cluster_follow_free(part->follow);
    cluster_store_free(part->store);
    cluster_vitals_free(part->vitals);
    cluster_nodes_free(part->nodes);
    membership_free(part->membership);
    cluster_device_free(part->device);
    for (guint i = 0; i < part->waiting->len; i++) {
        GError *error = NULL;
        wire_error_set(&error, WIRE_ERROR_CANCELLED, "the agent stops");
        request_fail(part->waiting->pdata[i], error);
    }
    g_ptr_array_unref(part->waiting);
    g_hash_table_unref(part->alarms);
    cluster_lost_free(part->lost);
    g_clear_pointer(&part->told, membership_view_unref);
    corosync_text_free(part->conf);
    g_free(part->trouble);
    g_free(part);
}

const CorosyncText *cluster_part_conf(const ClusterPart *part)
{
    return part->conf;
}

const char *cluster_part_trouble(const ClusterPart *part)
{
    return part->trouble;
}

GHashTable *cluster_part_lost(const ClusterPart *part)
{
    return cluster_lost_nodes(part->lost);
}

ClusterStore *cluster_part_store(const ClusterPart *part)
{
    return part->store;
}

void cluster_part_store_changed(ClusterPart *part)
{
    cluster_store_changed(part->store);
}

Membership *cluster_part_membership(const ClusterPart *part)
{
    return part->membership;
}

void cluster_part_refresh(ClusterPart *part)
{
    membership_poke(part->membership);
    refresh(part);
}

/* With the file as it is now: somebody may have changed it by hand. */
json_t *cluster_part_nodes(const ClusterPart *part)
{
    ClusterFacts facts = facts_of(part);
    return facts.documents ? cluster_nodes_list(&facts) : json_array();
}

void cluster_part_status(ClusterPart *part, Request *request)
{
    cluster_vitals_ask(part->vitals);
    g_ptr_array_add(part->waiting, request);
    membership_poke(part->membership);
    refresh(part);
}
