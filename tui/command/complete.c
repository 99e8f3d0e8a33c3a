#include "tui/command/complete.h"

#include "backend/wire/message.h"
#include "tui/command/arguments.h"
#include "tui/command/table.h"
#include "tui/link/link.h"
#include "tui/screen/text.h"

#include <stdio.h>
#include <string.h>

static void offer(const char *prefix, const char *word)
{
    if (word && g_str_has_prefix(word, prefix))
        puts(word);
}

/* ---- from the agent ---- */

typedef struct {
    Link *link;
    const char *prefix;
    WireType type;
    gboolean done;
} Ask;

static void on_list(const json_t *result, const GError *error, gpointer user)
{
    Ask *ask = user;
    ask->done = TRUE;
    const json_t *list =
        json_object_get(result, ask->type == WIRE_TYPE_GUEST ? "guests" : "tasks");
    size_t index;
    json_t *object;
    json_array_foreach(list, index, object)
    {
        static const char *const keys[] = {"id", "name"};
        for (int i = 0; i < (ask->type == WIRE_TYPE_GUEST ? 2 : 1); i++) {
            g_autofree char *word = text_clean(wire_get_string(object, keys[i], ""));
            /* What a shell would take apart is not offered. */
            if (*word && !strpbrk(word, " \t\n'\"\\$`;&|<>(){}*?!"))
                offer(ask->prefix, word);
        }
    }
}

static void on_changed(Link *link, gpointer user)
{
    Ask *ask = user;
    if (link_state(link) == LINK_CONNECTED)
        rpc_call(link_rpc(link), ask->type == WIRE_TYPE_GUEST ? "guest.list" : "task.list",
                 NULL, COMPLETE_DEADLINE, on_list, ask);
    else if (link_state(link) != LINK_CONNECTING)
        ask->done = TRUE; /* not reached, or it would ask something */
}

static gboolean on_late(gpointer user)
{
    ((Ask *)user)->done = TRUE;
    return G_SOURCE_CONTINUE;
}

static void offer_objects(const CommandOptions *options, const char *prefix, WireType type)
{
    static const LinkEvents events = {.changed = on_changed};
    const char *text = options->targets->len ? g_ptr_array_index(options->targets, 0) : "local";
    g_autoptr(Target) target = target_parse(text, NULL);
    if (!target)
        return;
    Ask ask = {.prefix = prefix, .type = type};
    guint timer = g_timeout_add(COMPLETE_DEADLINE, on_late, &ask);
    ask.link = link_new(target, &(LinkOptions){.ssh_config = options->ssh_config, .once = TRUE},
                        &events, &ask);
    while (!ask.done)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
    link_close(ask.link);
}

/* ---- from the tables ---- */

static void offer_nouns(const char *prefix)
{
    const char *last = "";
    for (const Command *c = command_table(); c->noun; c++) {
        if (strcmp(c->noun, last) != 0)
            offer(prefix, c->noun);
        last = c->noun;
    }
    offer(prefix, "help");
    offer(prefix, "version");
}

static void offer_verbs(const char *prefix, const char *noun)
{
    for (const Command *c = command_table(); c->noun; c++)
        if (strcmp(c->noun, noun) == 0)
            offer(prefix, c->verb);
}

static void offer_options(const char *prefix, const WireMethod *method)
{
    for (const WireParameter *p = method->parameters; p && p->name; p++) {
        if (arguments_is_positional(p))
            continue;
        g_autofree char *option = g_strconcat("--", p->name, NULL);
        offer(prefix, g_strdelimit(option, "_", '-'));
    }
    if (method->task)
        offer(prefix, "--no-wait");
    offer(prefix, "--help");
}

static void offer_choices(const char *prefix, const WireParameter *p)
{
    static const char *const switches[] = {"on", "off"};
    for (size_t i = 0; p->type == WIRE_TYPE_BOOLEAN && i < G_N_ELEMENTS(switches); i++)
        offer(prefix, switches[i]);
    g_auto(GStrv) choices = g_strsplit(p->choices ? p->choices : "", "|", -1);
    for (char **choice = choices; *choice; choice++)
        offer(prefix, *choice);
}

/* The parameter that the word after these would be, or NULL. */
static const WireParameter *next_parameter(const WireMethod *method, GPtrArray *words,
                                           guint from)
{
    const WireParameter *p = method->parameters;
    for (guint i = from; p && p->name; i++) {
        while (p->name && !arguments_is_positional(p))
            p++;
        if (!p->name || i + 1 >= words->len)
            break;
        if (((const char *)words->pdata[i])[0] != '-')
            p++;
    }
    return p && p->name ? p : NULL;
}

static void complete_command(const CommandOptions *options, GPtrArray *words)
{
    const char *prefix = words->pdata[words->len - 1];
    const Command *command = command_find(words->pdata[0], words->pdata[1]);
    const WireMethod *method = command ? command_method(command) : NULL;
    if (!method)
        return;
    if (prefix[0] == '-') {
        offer_options(prefix, method);
        return;
    }
    const char *before = words->pdata[words->len - 2];
    for (const WireParameter *p = method->parameters; p && p->name; p++) {
        g_autofree char *option = g_strconcat("--", p->name, NULL);
        if (p->choices && strcmp(g_strdelimit(option, "_", '-'), before) == 0) {
            offer_choices(prefix, p);
            return;
        }
    }
    const WireParameter *p = next_parameter(method, words, 2);
    if (p && (p->type == WIRE_TYPE_GUEST || p->type == WIRE_TYPE_TASK))
        offer_objects(options, prefix, p->type);
    else if (p)
        offer_choices(prefix, p);
}

int complete_run(char *const *words)
{
    g_autoptr(GPtrArray) targets = g_ptr_array_new();
    g_autoptr(GPtrArray) plain = g_ptr_array_new();
    CommandOptions options = {.targets = targets};
    for (; *words; words++) {
        gboolean host = g_str_equal(*words, "-H") || g_str_equal(*words, "--host");
        gboolean config = g_str_equal(*words, "-F") || g_str_equal(*words, "--ssh-config");
        gboolean value = host || config || g_str_equal(*words, "-o");
        if (!value || !words[1]) {
            g_ptr_array_add(plain, *words);
            continue;
        }
        words++;
        if (host)
            g_ptr_array_add(targets, *words);
        if (config)
            options.ssh_config = *words;
    }
    if (plain->len == 0)
        return 0;
    if (plain->len == 1)
        offer_nouns(plain->pdata[0]);
    else if (plain->len == 2)
        offer_verbs(plain->pdata[1], plain->pdata[0]);
    else
        complete_command(&options, plain);
    return 0;
}
