/* guest notes: the notes of a guest in the person's own editor. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/edit.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_DEADLINE = 30000 /* ms */, NOTES_MAX = 65536 /* bytes */ };

/* Refused, what was written must not be lost. */
static void keep(const char *text, GError **error)
{
    g_autofree char *path = edit_keep(text, "gantry-notes-XXXXXX.txt");
    if (path)
        g_prefix_error(error, "what you wrote is kept in %s: ", path);
}

static gboolean put(const Act *act, Link *link, const json_t *shown, const char *text,
                    GError **error)
{
    GError *failure = NULL;
    json_t *params = json_pack("{s:s,s:o,s:I}", "guest", wire_get_string(shown, "id", ""),
                               "notes", wire_string(text), "revision",
                               (json_int_t)wire_get_integer(shown, "revision", 0));
    g_autoptr(json_t) done =
        client_call(act->client, link, "guest.set", params, ANSWER_DEADLINE, &failure);
    if (done)
        return TRUE;
    keep(text, &failure);
    g_propagate_error(error, failure);
    return FALSE;
}

gboolean act_guest_notes(const Act *act, GError **error)
{
    Link *link = act_find_link(act, error);
    g_autoptr(json_t) shown =
        link ? client_call(act->client, link, "guest.show", json_incref(act->arguments->params),
                           ANSWER_DEADLINE, error)
             : NULL;
    if (!shown)
        return FALSE;
    const char *before = wire_get_string(shown, "notes", "");
    g_autofree char *text = edit_text(before, "notes.txt", NOTES_MAX, error);
    if (!text)
        return FALSE;
    /* Editors end a text with a newline. */
    if (!g_str_has_suffix(before, "\n"))
        g_strchomp(text);
    if (strcmp(text, before) == 0) {
        fputs("nothing was changed\n", stderr);
        return TRUE;
    }
    return put(act, link, shown, text, error);
}
