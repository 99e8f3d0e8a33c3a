/* The dashboard once, as text. */
#include "tui/model/units.h"
#include "tui/screen/text.h"
#include "tui/view/cluster.h"
#include "tui/view/summary.h"
#include "tui/widget/cell.h"

#include <math.h>
#include <stdio.h>

enum { GUESTS = 20, TASKS = 10 };

typedef struct {
    GMainLoop *loop;
    Cluster *cluster;
} Plain;

static void on_changed(Cluster *cluster, guint node, gpointer user)
{
    const Plain *plain = user;
    if (plain->cluster && cluster_settled(plain->cluster))
        g_main_loop_quit(plain->loop);
}

/* There is nobody to answer: a question is a refusal. */
static void on_asking(Cluster *cluster, guint node, gpointer user)
{
    Link *link = cluster_link(cluster, node);
    if (link && link_prompt(link)) {
        g_printerr("gantry: %s: %s\n", link_prompt(link)->title,
                   link_prompt(link)->instruction);
        link_answer(link, NULL);
    }
}

static gboolean on_deadline(gpointer user)
{
    const Plain *plain = user;
    g_main_loop_quit(plain->loop);
    return G_SOURCE_REMOVE;
}

/* The last field of a line ends it, without spaces behind. */
static void print_field(const char *text, int width, gboolean right, gboolean last)
{
    g_autofree char *clean = text_clean(text);
    int spaces = MAX(width - text_columns(clean, true), 0);
    printf("%*s%s%*s%s", right ? spaces : 0, "", clean, right || last ? 0 : spaces, "",
           last ? "\n" : "  ");
}

static void print_row(const Model *model, const ModelObject *object, const char *const *names)
{
    char text[256];
    const ModelField *fields = model_fields((ObjectKind)object->kind);
    for (int i = 0; names[i]; i++) {
        const ModelField *field = &fields[model_field_find((ObjectKind)object->kind, names[i])];
        if (object->kind == OBJECT_NODE && g_str_equal(names[i], "link"))
            cell_node_state((const ModelNode *)object, text, sizeof text);
        else
            model_field_format(model, field, object, text, sizeof text);
        print_field(text, field->width, model_field_is_number(field), !names[i + 1]);
    }
}

static void print_heading(ObjectKind kind, const char *const *names)
{
    const ModelField *fields = model_fields(kind);
    for (int i = 0; names[i]; i++) {
        const ModelField *field = &fields[model_field_find(kind, names[i])];
        print_field(field->title, field->width, model_field_is_number(field), !names[i + 1]);
    }
}

static void print_totals(const Cluster *cluster)
{
    char used[32], total[32];
    const Model *model = cluster_model(cluster);
    ModelCounts counts;
    Totals totals;
    model_counts(model, &counts);
    totals_of(model, &totals);
    units_bytes(totals.memory_used, used, sizeof used);
    units_bytes(totals.memory, total, sizeof total);
    printf("%s: ", cluster_name(cluster));
    if (counts.cluster_size)
        printf("%s %d/%d, ", counts.quorate ? "quorate" : "not quorate", counts.members,
               counts.cluster_size);
    printf("%u of %u nodes, %u guests (%u running, %u stopped), %u alarms, %u tasks\n",
           counts.nodes_ready, counts.nodes, counts.guests, counts.running, counts.stopped,
           counts.alarms, counts.tasks);
    printf("cpu %.1f of %.0f processors, memory %s of %s\n", totals.cpu_busy, totals.cpus, used,
           total);
}

static void print_dashboard(const Cluster *cluster)
{
    static const char *const node_columns[] = {"name", "link",   "cpu",  "mem", "disk",
                                               "load", "guests", "boot", NULL};
    static const char *const guest_columns[] = {
        "id", "name", "node", "state", "cpu", "mem_used", "mem_max", "addresses", NULL};
    static const char *const task_columns[] = {"created", "state", "method", "object",
                                               "name",    "owner", NULL};
    const Model *model = cluster_model(cluster);
    const ModelGuest *busiest[GUESTS];
    const ModelTask *newest[TASKS];
    print_totals(cluster);
    g_autoptr(GPtrArray) troubles = troubles_of(model);
    for (guint i = 0; i < troubles->len; i++) {
        const Trouble *trouble = troubles->pdata[i];
        g_autofree char *clean = text_clean(trouble->text);
        printf("%s %s\n", trouble->grave ? "ERROR" : "WARNING", clean);
    }
    printf("\n");
    print_heading(OBJECT_NODE, node_columns);
    const GPtrArray *nodes = model_objects(model, OBJECT_NODE);
    for (guint i = 0; i < nodes->len; i++)
        print_row(model, nodes->pdata[i], node_columns);
    const GPtrArray *guests = model_objects(model, OBJECT_GUEST);
    int count = busiest_guests(model, busiest, GUESTS);
    if (guests->len) {
        printf("\n");
        print_heading(OBJECT_GUEST, guest_columns);
    }
    /* A few are all shown; of many the busiest. */
    for (guint i = 0; guests->len <= GUESTS && i < guests->len; i++)
        print_row(model, guests->pdata[i], guest_columns);
    for (int i = 0; guests->len > GUESTS && i < count; i++)
        print_row(model, &busiest[i]->base, guest_columns);
    count = newest_tasks(model, newest, TASKS);
    if (count) {
        printf("\n");
        print_heading(OBJECT_TASK, task_columns);
    }
    for (int i = 0; i < count; i++)
        print_row(model, &newest[i]->base, task_columns);
}

gboolean console_plain(const ConsoleOptions *options)
{
    static const ClusterEvents events = {on_asking, on_changed};
    gboolean whole = TRUE;
    for (guint i = 0; i < options->cluster_count; i++) {
        Plain plain = {.loop = g_main_loop_new(NULL, FALSE)};
        plain.cluster =
            cluster_new(&options->clusters[i], options->ssh_config, FALSE, &events, &plain);
        guint timer = g_timeout_add_seconds(CONSOLE_PLAIN_DEADLINE, on_deadline, &plain);
        if (!cluster_settled(plain.cluster))
            g_main_loop_run(plain.loop);
        GSource *source = g_main_context_find_source_by_id(NULL, timer);
        if (source)
            g_source_destroy(source);
        ModelCounts counts;
        model_counts(cluster_model(plain.cluster), &counts);
        whole = whole && counts.nodes_ready == counts.nodes;
        if (i)
            printf("\n");
        print_dashboard(plain.cluster);
        cluster_free(g_steal_pointer(&plain.cluster));
        g_main_loop_unref(plain.loop);
    }
    return whole;
}
