#include "tui/link/prompt.h"

#include <string.h>

struct PromptBox {
    gint references; /* atomic */
    GMutex mutex;
    GCond answered;
    Prompt *prompt; /* the open question */
    char **answers;
    gboolean done; /* the open question was answered or cancelled */
    gboolean shut;
};

Prompt *prompt_new(PromptKind kind, const char *title, const char *instruction)
{
    Prompt *prompt = g_new0(Prompt, 1);
    prompt->kind = kind;
    prompt->title = g_utf8_make_valid(title, -1);
    prompt->instruction = g_utf8_make_valid(instruction ? instruction : "", -1);
    return prompt;
}

void prompt_add(Prompt *prompt, const char *label, gboolean echo)
{
    if (prompt->count >= PROMPT_FIELDS_MAX)
        return;
    PromptField *field = &prompt->fields[prompt->count++];
    field->label = g_utf8_make_valid(label ? label : "", -1);
    field->echo = echo;
}

void prompt_free(Prompt *prompt)
{
    if (!prompt)
        return;
    for (guint i = 0; i < prompt->count; i++)
        g_free(prompt->fields[i].label);
    g_free(prompt->title);
    g_free(prompt->instruction);
    g_free(prompt);
}

void prompt_answers_free(char **answers)
{
    for (char **answer = answers; answer && *answer; answer++)
        explicit_bzero(*answer, strlen(*answer));
    g_strfreev(answers);
}

PromptBox *prompt_box_new(void)
{
    PromptBox *box = g_new0(PromptBox, 1);
    box->references = 1;
    g_mutex_init(&box->mutex);
    g_cond_init(&box->answered);
    return box;
}

PromptBox *prompt_box_ref(PromptBox *box)
{
    g_atomic_int_inc(&box->references);
    return box;
}

void prompt_box_unref(PromptBox *box)
{
    if (!box || !g_atomic_int_dec_and_test(&box->references))
        return;
    prompt_free(box->prompt);
    prompt_answers_free(box->answers);
    g_mutex_clear(&box->mutex);
    g_cond_clear(&box->answered);
    g_free(box);
}

char **prompt_box_ask(PromptBox *box, Prompt *prompt, void (*posted)(gpointer user),
                      gpointer user)
{
    g_mutex_lock(&box->mutex);
    g_clear_pointer(&box->prompt, prompt_free);
    box->prompt = prompt;
    box->done = box->shut;
    g_mutex_unlock(&box->mutex);
    posted(user);

    g_mutex_lock(&box->mutex);
    while (!box->done)
        g_cond_wait(&box->answered, &box->mutex);
    g_clear_pointer(&box->prompt, prompt_free);
    char **answers = g_steal_pointer(&box->answers);
    g_mutex_unlock(&box->mutex);
    posted(user);
    return answers;
}

const Prompt *prompt_box_peek(PromptBox *box)
{
    g_mutex_lock(&box->mutex);
    const Prompt *prompt = box->done ? NULL : box->prompt;
    g_mutex_unlock(&box->mutex);
    return prompt;
}

void prompt_box_answer(PromptBox *box, const char *const *answers)
{
    g_mutex_lock(&box->mutex);
    if (box->prompt && !box->done) {
        /* Fewer answers than fields: the others are empty. */
        char **copy = answers ? g_new0(char *, box->prompt->count + 1) : NULL;
        for (guint i = 0; copy && i < box->prompt->count; i++) {
            copy[i] = g_strdup(*answers ? *answers : "");
            if (*answers)
                answers++;
        }
        box->answers = copy;
        box->done = TRUE;
        g_cond_signal(&box->answered);
    }
    g_mutex_unlock(&box->mutex);
}

void prompt_box_shut(PromptBox *box)
{
    g_mutex_lock(&box->mutex);
    box->shut = TRUE;
    box->done = TRUE;
    g_cond_signal(&box->answered);
    g_mutex_unlock(&box->mutex);
}
