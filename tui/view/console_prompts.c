/* Questions of SSH: an unknown host key, a password, whatever a server asks. */
#include "tui/view/console_private.h"

typedef struct {
    Console *console;
    Cluster *cluster;
    guint node;
    bool host_key;
} Question;

/* Of a node, whose link may become another while it is asked: by another way to it. */
static gpointer key_of(const Console *console, const Cluster *cluster, guint node)
{
    guint index = 0;
    (void)g_ptr_array_find(console->clusters, cluster, &index);
    return GUINT_TO_POINTER((index * MODEL_NODES_MAX + node) + 1);
}

static void on_answer(const char *const *answers, gpointer user)
{
    static const char *const yes[] = {"yes", NULL};
    const Question *question = user;
    Link *link = cluster_link(question->cluster, question->node);
    g_hash_table_remove(question->console->prompts,
                        key_of(question->console, question->cluster, question->node));
    if (!link || !link_prompt(link))
        return;
    link_answer(link, answers && question->host_key ? yes : answers);
}

void console_on_asking(Cluster *cluster, guint node, gpointer user)
{
    Console *console = user;
    Link *link = cluster_link(cluster, node);
    const Prompt *prompt = link ? link_prompt(link) : NULL;
    gpointer key = key_of(console, cluster, node);
    Overlay *shown = g_hash_table_lookup(console->prompts, key);
    if (shown)
        console_remove(console, shown);
    if (!prompt)
        return;
    Question *question = g_new(Question, 1);
    *question = (Question){console, cluster, node, prompt->kind == PROMPT_HOST_KEY};
    FormSetup form = {.title = prompt->title,
                      .text = prompt->instruction,
                      .consent = question->host_key ? "it is the right key: keep it and go on"
                                                    : "answer",
                      .danger = question->host_key,
                      .answer = on_answer,
                      .user = question,
                      .free_user = g_free};
    form.count = question->host_key ? 0 : MIN(prompt->count, FORM_FIELDS_MAX);
    for (guint i = 0; i < form.count; i++)
        form.fields[i] = (FormField){prompt->fields[i].label, NULL, !prompt->fields[i].echo};
    Overlay *overlay = form_new(&form);
    console_push(console, overlay);
    g_hash_table_insert(console->prompts, key, overlay);
}
