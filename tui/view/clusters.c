/* The clusters that were given or configured: go to another. */
#include "tui/view/console_private.h"

typedef struct {
    Console *console;
    guint at;
} ClustersView;

static gpointer clusters_open(Console *console, const Subject *subject)
{
    ClustersView *view = g_new0(ClustersView, 1);
    view->console = console;
    view->at = console->cluster;
    return view;
}

static void clusters_draw(gpointer data, Screen *screen, Box box)
{
    const ClustersView *view = data;
    const Console *console = view->console;
    draw_text(screen, box.row, 3, box.columns - 4, ROLE_HEADING,
              "Cluster               nodes  state");
    for (guint i = 0; i < console->options->cluster_count && (int)i + 1 < box.rows; i++) {
        const ClusterSetup *setup = &console->options->clusters[i];
        const Cluster *cluster = console->clusters->pdata[i];
        int row = box.row + 1 + (int)i;
        char state[64] = "not connected; Enter goes there";
        if (cluster) {
            ModelCounts counts;
            model_counts(cluster_model(cluster), &counts);
            g_snprintf(state, sizeof state, "%u of %u nodes answer, %u guests",
                       counts.nodes_ready, counts.nodes, counts.guests);
        }
        if (i == view->at)
            draw_glyph(screen, row, 0, ROLE_ACCENT, GLYPH_CURSOR);
        draw_field(screen, row, 3, 20, i == view->at ? ROLE_ACCENT : ROLE_TEXT, ALIGN_LEFT,
                   setup->name);
        draw_printf(screen, row, 25, box.columns - 26, ROLE_TEXT, "%5u  %s%s",
                    setup->target_count, state, i == console->cluster ? "  (here)" : "");
    }
}

static bool clusters_key(gpointer data, Key key)
{
    ClustersView *view = data;
    guint count = view->console->options->cluster_count;
    switch (key) {
    case 'j':
    case K_DOWN:
        view->at = MIN(view->at + 1, count - 1);
        return true;
    case 'k':
    case K_UP:
        view->at -= view->at > 0;
        return true;
    case K_ENTER:
        /* Closes this view, too. */
        console_go_to_cluster(view->console, view->at);
        return true;
    default:
        return false;
    }
}

const ViewClass view_clusters = {.name = "clusters",
                                 .title = "Clusters",
                                 .top = true,
                                 .open = clusters_open,
                                 .close = g_free,
                                 .draw = clusters_draw,
                                 .key = clusters_key};
