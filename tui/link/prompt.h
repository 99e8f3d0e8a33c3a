/* link/prompt - a question to the person, asked while a link is being made.
 *
 * The thread of an SSH session asks and waits; whoever shows screens answers
 * with link_answer() whenever the person has, or cancels. A prompt has a title
 * (what is asked, for which node), an instruction (may be empty, may have
 * several lines, comes from the far side in PROMPT_QUESTIONS: show it as
 * hostile text) and one or more fields, each with a label and whether the
 * typed text may be seen.
 *
 * PROMPT_HOST_KEY has one field, to be answered with "yes" (the key is then
 * added to known_hosts); everything else refuses. The instruction holds the
 * key's type and SHA256 fingerprint.
 */
#pragma once

#include <glib.h>

#define PROMPT_FIELDS_MAX 16

typedef enum {
    PROMPT_HOST_KEY,
    PROMPT_PASSWORD,
    PROMPT_PASSPHRASE, /* of a key's file */
    PROMPT_QUESTIONS,  /* keyboard-interactive: the server's own questions */
} PromptKind;

typedef struct {
    char *label;
    gboolean echo;
} PromptField;

typedef struct {
    PromptKind kind;
    char *title;
    char *instruction;
    guint count;
    PromptField fields[PROMPT_FIELDS_MAX];
} Prompt;

Prompt *prompt_new(PromptKind kind, const char *title, const char *instruction);
/* Adds a field; beyond PROMPT_FIELDS_MAX it is left out. */
void prompt_add(Prompt *prompt, const char *label, gboolean echo);
void prompt_free(Prompt *prompt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Prompt, prompt_free)

/* Where a thread waits for an answer: one question at a time, shared by a
 * session and the jump hosts it goes through. Thread-safe, counted. */
typedef struct PromptBox PromptBox;

PromptBox *prompt_box_new(void);
PromptBox *prompt_box_ref(PromptBox *box);
void prompt_box_unref(PromptBox *box);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PromptBox, prompt_box_unref)

/* In the asking thread: puts the question (taken over), calls posted(user),
 * which tells the owner's main loop, and waits. Returns the answers, one for
 * each field, to be freed with prompt_answers_free(), or NULL when it was
 * cancelled or the box was shut. */
char **prompt_box_ask(PromptBox *box, Prompt *prompt, void (*posted)(gpointer user),
                      gpointer user);
void prompt_answers_free(char **answers); /* wipes them */

/* In the owner's thread: the open question, or NULL; valid until it is answered. */
const Prompt *prompt_box_peek(PromptBox *box);
/* Answers it, one string a field; NULL cancels. Nothing is open: no effect. */
void prompt_box_answer(PromptBox *box, const char *const *answers);
/* Cancels the open question and every later one. */
void prompt_box_shut(PromptBox *box);
