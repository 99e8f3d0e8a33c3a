/* widget/form - a question: text, fields, and what Enter will do.
 *
 * Three uses: a confirmation without fields (y does it, Enter does not: nothing
 * happens by leaning on Enter); a confirmation that wants a word typed exactly;
 * fields to fill in (a password, a new name).
 */
#pragma once

#include "tui/widget/overlay.h"

#define FORM_FIELDS_MAX 16

typedef struct {
    const char *label;
    const char *value; /* may be NULL */
    bool hidden;
} FormField;

/* answers: one string a field and NULL; NULL instead when it was left with Esc.
 * Valid during the call. */
typedef void (*FormAnswer)(const char *const *answers, gpointer user);

typedef struct {
    const char *title;
    const char *text;    /* may have several lines; is wrapped */
    const char *consent; /* what Enter or y does: "stop 3 guests" */
    const char *word;    /* the first field must be exactly this; may be NULL */
    bool danger;
    FormField fields[FORM_FIELDS_MAX];
    guint count;
    FormAnswer answer;
    gpointer user;
    GDestroyNotify free_user;
} FormSetup;

/* Copies everything in it. */
Overlay *form_new(const FormSetup *setup);
