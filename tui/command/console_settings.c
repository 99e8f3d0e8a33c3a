/* cluster console-settings: what the cluster says for the consoles of all its people. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/ask.h"
#include "tui/command/edit.h"
#include "tui/command/output.h"
#include "tui/view/names.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_DEADLINE = 30000 /* ms */ };

#define CALLED "console-settings.yaml"

static const char template[] =
    "# How the consoles of all people of this cluster look at first, and their keys. What a\n"
    "# person's own ~/.config/gantry/config.yaml says, or what was chosen in the console, "
    "goes\n"
    "# before it. Commands are each person's own and never taken from here. See gantry(1).\n"
    "#\n"
    "#skin: terminal\n"
    "#charts: blocks\n"
    "#keys:\n"
    "#  palette: [\":\", Ctrl-P]\n"
    "#columns:\n"
    "#  guests: [id, name, node, state, cpu, mem, tags]\n";

static json_t *ask(const Act *act, Link *link, GError **error)
{
    return client_call(act->client, link, "cluster.console", json_object(), ANSWER_DEADLINE,
                       error);
}

/* revision below 0: whatever is there. */
static gboolean put(const Act *act, Link *link, const char *text, gint64 revision,
                    GError **error)
{
    json_t *params = json_pack("{s:o}", "text", wire_string(text));
    if (revision >= 0)
        json_object_set_new(params, "revision", json_integer(revision));
    g_autoptr(json_t) done =
        client_call(act->client, link, "cluster.console_set", params, ANSWER_DEADLINE, error);
    return done != NULL;
}

/* By all that this console knows, which is more than the agent does. */
static gboolean check(const char *name, const char *text, GError **error)
{
    g_autoptr(ConsoleConfig) parsed =
        conf_shared_parse(name, text, strlen(text), console_names(), error);
    return parsed != NULL;
}

static gboolean show(const Act *act, Link *link, GError **error)
{
    g_autoptr(json_t) answer = ask(act, link, error);
    if (!answer)
        return FALSE;
    if (act->options->format != OUTPUT_TABLE)
        return act_print(act, answer);
    if (!output_print(wire_get_string(answer, "text", "")))
        *act->status = 1;
    return TRUE;
}

static gboolean set_file(const Act *act, Link *link, const char *path, GError **error)
{
    g_autofree char *text = edit_read_file(path, CONF_SHARED_MAX, error);
    return text && check(path, text, error) && put(act, link, text, -1, error);
}

/* Until it is well formed, or the person gives up. */
static char *edit_well(const char *before, GError **error)
{
    g_autofree char *text = g_strdup(before);
    for (;;) {
        g_autoptr(GError) wrong = NULL;
        g_autofree char *edited = edit_text(text, CALLED, CONF_SHARED_MAX, error);
        if (!edited || check(CALLED, edited, &wrong))
            return g_steal_pointer(&edited);
        (void)act_complain(wrong);
        g_autofree char *answer = ask_line("Edit it again? [Y/n] ");
        if (!answer || g_ascii_strncasecmp(answer, "n", 1) == 0) {
            wire_error_set(error, WIRE_ERROR_CANCELLED, "nothing was changed");
            return NULL;
        }
        g_free(text);
        text = g_steal_pointer(&edited);
    }
}

static gboolean edit(const Act *act, Link *link, GError **error)
{
    g_autoptr(json_t) answer = ask(act, link, error);
    if (!answer)
        return FALSE;
    const char *before = wire_get_string(answer, "text", template);
    g_autofree char *text = edit_well(before, error);
    if (!text)
        return FALSE;
    if (strcmp(text, before) == 0) {
        fputs("nothing was changed\n", stderr);
        return TRUE;
    }
    return put(act, link, text, wire_get_integer(answer, "revision", 0), error);
}

gboolean act_console_settings(const Act *act, GError **error)
{
    const json_t *words = json_object_get(act->arguments->params, "act");
    const char *verb = json_string_value(json_array_get(words, 0));
    const char *file = json_string_value(json_array_get(words, 1));
    gboolean sets = strcmp(verb, "set") == 0;
    if (sets != (file != NULL)) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "act",
                             sets ? "set needs a file, or - for standard input"
                                  : "only set takes a file");
        return FALSE;
    }
    Link *link = act_find_link(act, error);
    if (!link)
        return FALSE;
    if (sets)
        return set_file(act, link, file, error);
    if (strcmp(verb, "show") == 0)
        return show(act, link, error);
    if (strcmp(verb, "edit") == 0)
        return edit(act, link, error);
    if (strcmp(verb, "remove") == 0)
        return put(act, link, "", -1, error);
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "act",
                         "say show, edit, set FILE or remove, not %s", verb);
    return FALSE;
}
