/* widget/picker - a choice from a list: menus, the palette, columns, sorting.
 *
 * Items have a label, a note at the right, perhaps a key of their own, and when
 * they can't be chosen now the reason, shown greyed. With search the typed
 * letters narrow the list, asked from its owner: as many items as fit matter.
 */
#pragma once

#include "tui/widget/overlay.h"

typedef struct {
    char *label;
    char *note;    /* may be NULL */
    char *refusal; /* greyed, and why; or NULL */
    Key key;       /* chooses it at once (without search); 0: none */
    bool checked;
    int id;        /* the owner's */
    gpointer data; /* the owner's */
} PickerItem;

/* Items made by picker_add are the list's. */
GPtrArray *picker_items_new(void);
PickerItem *picker_add(GPtrArray *items, int id, const char *label, const char *note);

typedef enum {
    PICKER_CHOSEN,
    PICKER_TOGGLED,
    PICKER_EARLIER,
    PICKER_LATER,
    PICKER_LEFT
} PickerWhat;

typedef struct {
    const char *title;
    bool search;  /* a line to type in */
    bool toggles; /* Space checks, < and > move: reported, the owner answers with items */
    /* The list for what was typed (""): called again when that changes, and after
     * PICKER_TOGGLED, EARLIER and LATER. */
    GPtrArray *(*items)(const char *typed, gpointer user);
    /* item is NULL when it was left. FALSE for CHOSEN keeps the picker open. */
    bool (*picked)(PickerWhat what, const PickerItem *item, gpointer user);
    gpointer user;
    GDestroyNotify free_user;
} PickerSetup;

Overlay *picker_new(const PickerSetup *setup);
