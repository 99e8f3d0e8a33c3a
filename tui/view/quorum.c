/* The cluster as one of its nodes sees it: what is wrong, votes, nodes, links. Asked of
 * action_member(). */
#include "tui/view/console_private.h"

#include "tui/view/describe_cluster.h"

enum { DEADLINE = 10000 /* ms */, AGAIN = 2 /* s: latencies are measured that often */ };

typedef struct {
    Console *console;
    Pager *pager;
    Ask *ask;
    gint64 asked; /* monotonic */
} QuorumView;

static void on_status(const json_t *result, const GError *error, gpointer user)
{
    QuorumView *view = user;
    view->ask = NULL;
    g_autoptr(Page) page = page_new(screen_glyphs(view->console->screen));
    if (error)
        page_line(page, ROLE_ERROR, error->message);
    else
        describe_cluster(page, result);
    page_show(page, view->pager);
    console_changed(view->console);
}

static void ask(QuorumView *view)
{
    const ModelNode *node = action_member(console_model(view->console), NULL);
    gint64 now = g_get_monotonic_time();
    if (view->ask || (view->asked && now - view->asked < (gint64)AGAIN * G_USEC_PER_SEC))
        return;
    if (!node) {
        pager_set(view->pager, "no node is reached that could be asked");
        return;
    }
    view->asked = now;
    view->ask = cluster_ask(console_cluster(view->console), node->base.node, "cluster.status",
                            NULL, DEADLINE, on_status, view);
}

static gpointer quorum_open(Console *console, const Subject *subject)
{
    QuorumView *view = g_new0(QuorumView, 1);
    view->console = console;
    view->pager = pager_new(false);
    ask(view);
    return view;
}

static void quorum_close(gpointer data)
{
    QuorumView *view = data;
    ask_drop(&view->ask);
    pager_free(view->pager);
    g_free(view);
}

static void quorum_draw(gpointer data, Screen *screen, Box box)
{
    QuorumView *view = data;
    if (pager_is_empty(view->pager))
        draw_text(screen, box.row + 1, 3, box.columns - 4, ROLE_DIM,
                  "waiting for the agent's answer (Esc leaves)");
    else
        pager_draw(view->pager, screen, (Box){box.row, 1, box.rows, box.columns - 2});
}

static bool quorum_key(gpointer data, Key key)
{
    QuorumView *view = data;
    return pager_key(view->pager, key);
}

static void quorum_tick(gpointer data)
{
    ask(data);
}

static void quorum_describe(gpointer data, GString *out)
{
    QuorumView *view = data;
    pager_describe(view->pager, out);
}

const ViewClass view_quorum = {.name = "cluster",
                               .title = "Cluster",
                               .top = true,
                               .where = IN_CLUSTER,
                               .open = quorum_open,
                               .close = quorum_close,
                               .draw = quorum_draw,
                               .key = quorum_key,
                               .tick = quorum_tick,
                               .describe = quorum_describe};
