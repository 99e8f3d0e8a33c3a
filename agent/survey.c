#include "agent/survey.h"

#include "agent/alarms.h"
#include "agent/figure.h"
#include "agent/inventory.h"
#include "backend/node/facts.h"
#include "backend/node/upkeep.h"
#include "backend/wire/message.h"
#include "config.h"

#include <string.h>

typedef struct {
    const char *key;
    guint period;   /* seconds; 0: once */
    guint deadline; /* milliseconds */
    gboolean shown; /* in the inventory; else in node.show only */
    WorkerFunction ask;
} Question;

typedef struct {
    Survey *survey;
    const Question *question;
    guint timer;
    gboolean waiting;
} Round;

typedef struct {
    Survey *survey;
    char *path;
    NodeMount *mount;
    NodeUse use;
    gboolean known;
    gboolean waiting;
    gint64 answered; /* seconds since 1970 */
} FileSystem;

struct Survey {
    Agent *agent;
    GPtrArray *rounds;
    GHashTable *filesystems; /* path -> FileSystem */
    guint filesystem_timer;
    json_t *detail;
};

enum {
    CLOCK_DEADLINE = 3000,
    UPDATES_DEADLINE = 60000,
    MEASURE_EVERY = 10,
    MEASURE_DEADLINE = 5000
};

/* ---- the questions, each run in a worker ---- */

static gpointer ask_machine(gpointer data, GError **error)
{
    NodeFacts facts = {0};
    node_facts_read(&facts);
    json_t *answer =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:s}", "kernel", wire_string(facts.kernel), "system",
                  wire_string(facts.system), "cpu_model", wire_string(facts.cpu_model),
                  "sockets", figure_known(facts.sockets), "physical_cores",
                  figure_known(facts.cores), "agent", GANTRY_VERSION);
    node_facts_clear(&facts);
    return answer;
}

static gpointer ask_kvm(gpointer data, GError **error)
{
    g_autofree char *reason = NULL;
    gboolean usable = node_kvm_probe(&reason);
    return json_pack("{s:b,s:o}", "kvm", usable, "kvm_reason", wire_string(reason));
}

static gpointer ask_clock(gpointer data, GError **error)
{
    NodeClock clock;
    if (!node_clock_read(CLOCK_DEADLINE, &clock, error))
        return NULL;
    return json_pack("{s:b,s:o,s:s}", "time_synchronised", clock.synchronised, "time_offset",
                     figure_json(clock.offset, 0.000001), "time_source", clock.source);
}

/* Counting takes a second of work, so it is done when something has changed. There
 * is one round of a question at a time, so what is kept here has one user. */
static gpointer ask_updates(gpointer data, GError **error)
{
    static guint64 counted_at;
    static guint count;
    guint64 stamp = node_updates_stamp();
    if (stamp != counted_at || !stamp) {
        if (!node_updates_count(UPDATES_DEADLINE, &count, error))
            return NULL;
        counted_at = stamp;
    }
    return json_pack("{s:i}", "updates", (int)count);
}

static gpointer ask_disks(gpointer data, GError **error)
{
    g_autoptr(GPtrArray) disks = node_disks_read();
    json_t *list = json_array();
    for (guint i = 0; i < disks->len; i++) {
        const NodeDisk *disk = disks->pdata[i];
        json_array_append_new(
            list,
            json_pack("{s:o,s:o,s:o,s:I,s:b,s:b,s:b}", "name", wire_string(disk->name), "model",
                      wire_string(disk->model), "serial", wire_string(disk->serial), "size",
                      (json_int_t)disk->size, "rotational", disk->rotational, "removable",
                      disk->removable, "read_only", disk->read_only));
    }
    return json_pack("{s:o}", "disks", list);
}

/* The one in every table of nodes, whatever it is: not all roots are listed below. */
static gpointer ask_root(gpointer data, GError **error)
{
    NodeUse use;
    if (!node_mount_measure("/", &use, error))
        return NULL;
    return json_pack("{s:I,s:I}", "root_total", (json_int_t)use.total, "root_used",
                     (json_int_t)use.used);
}

static const Question questions[] = {
    {"the root file system", MEASURE_EVERY, MEASURE_DEADLINE, TRUE, ask_root},
    {"facts of the machine", 0, 5000, TRUE, ask_machine},
    {"/dev/kvm", 300, 5000, TRUE, ask_kvm},
    {"the time service", 60, CLOCK_DEADLINE + 1000, TRUE, ask_clock},
    {"the package system", 600, UPDATES_DEADLINE + 1000, TRUE, ask_updates},
    {"the disks", 60, 5000, FALSE, ask_disks},
};

static void on_answer(gpointer result, const GError *error, gpointer user)
{
    Round *round = user;
    Survey *survey = round->survey;
    round->waiting = FALSE;
    if (!result)
        return;
    if (round->question->shown)
        inventory_update(survey->agent->inventory, OBJECT_NODE, survey->agent->node, result);
    else {
        json_object_update(survey->detail, result);
        json_decref(result);
    }
}

static void release_json(gpointer json)
{
    json_decref(json);
}

static gboolean on_round(gpointer user)
{
    Round *round = user;
    if (round->waiting)
        return G_SOURCE_CONTINUE;
    round->waiting = TRUE;
    worker_submit(round->survey->agent->workers,
                  &(WorkerJob){.key = round->question->key,
                               .deadline = round->question->deadline,
                               .run = round->question->ask,
                               .free_result = release_json,
                               .done = on_answer,
                               .user = round});
    return G_SOURCE_CONTINUE;
}

/* ---- file systems ---- */

static void filesystem_free(gpointer data)
{
    FileSystem *filesystem = data;
    node_mount_free(filesystem->mount);
    g_free(filesystem->path);
    g_free(filesystem);
}

typedef struct {
    Survey *survey;
    char *path;
} Measuring;

static void measuring_free(gpointer data)
{
    Measuring *measuring = data;
    g_free(measuring->path);
    g_free(measuring);
}

static gpointer measure(gpointer data, GError **error)
{
    NodeUse *use = g_new0(NodeUse, 1);
    if (node_mount_measure(((const Measuring *)data)->path, use, error))
        return use;
    g_free(use);
    return NULL;
}

static void on_measured(gpointer result, const GError *error, gpointer user)
{
    const Measuring *measuring = user;
    Survey *survey = measuring->survey;
    g_autofree NodeUse *use = result;
    FileSystem *filesystem = g_hash_table_lookup(survey->filesystems, measuring->path);
    if (filesystem) {
        filesystem->waiting = FALSE;
        if (use) {
            filesystem->use = *use;
            filesystem->known = TRUE;
            filesystem->answered = g_get_real_time() / G_USEC_PER_SEC;
            /* Root counts what only root may use as used: so do others' tools. */
            if (!filesystem->mount->read_only)
                alarms_check_space(survey->agent->alarms, filesystem->path,
                                   use->total - use->available, use->total);
        }
    }
}

static void measure_soon(Survey *survey, FileSystem *filesystem)
{
    if (filesystem->waiting)
        return;
    filesystem->waiting = TRUE;
    g_autofree char *key = g_strdup_printf("file system %s", filesystem->path);
    Measuring *measuring = g_new(Measuring, 1);
    *measuring = (Measuring){survey, g_strdup(filesystem->path)};
    worker_submit(survey->agent->workers, &(WorkerJob){.key = key,
                                                       .deadline = MEASURE_DEADLINE,
                                                       .run = measure,
                                                       .data = measuring,
                                                       .free_data = measuring_free,
                                                       .free_result = g_free,
                                                       .done = on_measured,
                                                       .user = measuring});
}

static gboolean on_measure_all(gpointer user)
{
    Survey *survey = user;
    g_autoptr(GPtrArray) mounts = node_mounts_read(NULL);
    if (!mounts)
        return G_SOURCE_CONTINUE;
    g_autoptr(GHashTable) before = survey->filesystems;
    survey->filesystems = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, filesystem_free);
    g_ptr_array_set_free_func(mounts, NULL);
    for (guint i = 0; i < mounts->len; i++) {
        NodeMount *mount = mounts->pdata[i];
        gpointer present = NULL;
        FileSystem *filesystem;
        if (g_hash_table_steal_extended(before, mount->path, NULL, &present)) {
            filesystem = present;
            node_mount_free(filesystem->mount);
        } else {
            filesystem = g_new0(FileSystem, 1);
            filesystem->path = g_strdup(mount->path);
        }
        filesystem->mount = mount;
        g_hash_table_replace(survey->filesystems, filesystem->path, filesystem);
        measure_soon(survey, filesystem);
    }
    return G_SOURCE_CONTINUE;
}

static json_t *filesystems_json(const Survey *survey)
{
    json_t *list = json_array();
    g_autoptr(GList) paths = g_list_sort(g_hash_table_get_keys(survey->filesystems),
                                         (GCompareFunc)(void (*)(void))strcmp);
    for (GList *item = paths; item; item = item->next) {
        const FileSystem *f = g_hash_table_lookup(survey->filesystems, item->data);
        g_autofree char *key = g_strdup_printf("file system %s", f->path);
        double silence = worker_silence(survey->agent->workers, key);
        json_t *one = json_pack("{s:o,s:o,s:o,s:b,s:o}", "path", wire_string(f->path), "source",
                                wire_string(f->mount->source), "type",
                                wire_string(f->mount->type), "read_only", f->mount->read_only,
                                "silent", figure_known((gint64)silence));
        json_object_set_new(one, "total",
                            f->known ? json_integer((json_int_t)f->use.total) : json_null());
        json_object_set_new(one, "used",
                            f->known ? json_integer((json_int_t)f->use.used) : json_null());
        json_object_set_new(one, "available",
                            f->known ? json_integer((json_int_t)f->use.available)
                                     : json_null());
        json_array_append_new(list, one);
    }
    return list;
}

/* ---- the survey ---- */

static void round_free(gpointer data)
{
    Round *round = data;
    g_clear_handle_id(&round->timer, g_source_remove);
    g_free(round);
}

Survey *survey_new(Agent *agent)
{
    Survey *survey = g_new0(Survey, 1);
    survey->agent = agent;
    survey->detail = json_object();
    survey->rounds = g_ptr_array_new_with_free_func(round_free);
    survey->filesystems = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, filesystem_free);
    for (size_t i = 0; i < G_N_ELEMENTS(questions); i++) {
        Round *round = g_new0(Round, 1);
        round->survey = survey;
        round->question = &questions[i];
        if (questions[i].period)
            round->timer = g_timeout_add_seconds(questions[i].period, on_round, round);
        g_ptr_array_add(survey->rounds, round);
        (void)on_round(round);
    }
    survey->filesystem_timer = g_timeout_add_seconds(MEASURE_EVERY, on_measure_all, survey);
    (void)on_measure_all(survey);
    return survey;
}

void survey_free(Survey *survey)
{
    if (!survey)
        return;
    g_source_remove(survey->filesystem_timer);
    g_ptr_array_unref(survey->rounds);
    g_hash_table_destroy(survey->filesystems);
    json_decref(survey->detail);
    g_free(survey);
}

json_t *survey_detail(const Survey *survey)
{
    json_t *detail = json_copy(survey->detail);
    json_object_set_new(detail, "filesystems", filesystems_json(survey));
    return detail;
}
