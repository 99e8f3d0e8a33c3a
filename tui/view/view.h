/* view/view - what a screen of the console is: one class, one file.
 *
 * A view draws itself from the model whenever it is asked to and keeps only
 * what is its own (a cursor, a text it asked for). What it asks of agents it
 * drops when it is closed.
 */
#pragma once

#include "tui/screen/draw.h"
#include "tui/view/cluster.h"
#include "tui/widget/pager.h"
#include "tui/widget/table.h"

typedef struct Console Console;
typedef struct ViewClass ViewClass;

/* What a view is about; kept by value, so that it outlives the object. */
typedef struct {
    guint node;
    ObjectKind kind;
    char id[512];
    char what[64]; /* a second word: a tab, a page of help */
} Subject;

struct ViewClass {
    const char *name;
    const char *title;
    bool top;       /* stands by itself: one of it, q leaves the console from it */
    unsigned where; /* added to the places of action.h */
    gpointer (*open)(Console *console, const Subject *subject);
    void (*close)(gpointer view);
    void (*draw)(gpointer view, Screen *screen, Box box);
    /* Before the action table; TRUE when it took the key. May be NULL. */
    bool (*key)(gpointer view, Key key);
    /* The rest of the second line. May be NULL. */
    void (*describe)(gpointer view, GString *out);
    /* The table that moves, marks and sorts. May be NULL. */
    Table *(*table)(gpointer view);
    /* The object that acts are about, where there is no table. May be NULL. */
    ModelObject *(*object)(gpointer view);
    /* Once a second. May be NULL. */
    void (*tick)(gpointer view);
    /* Draws all below the status line itself and takes every key. */
    bool whole;
    /* And now wants the status line's place, too. May be NULL. */
    bool (*full)(gpointer view);
};

extern const ViewClass view_dashboard, view_nodes, view_node, view_guests, view_guest,
    view_storage, view_quorum, view_links, view_tasks, view_task, view_events, view_alarms,
    view_clusters, view_help, view_text, view_consoles;

/* Of a top view's name; NULL when there is none. */
const ViewClass *view_class_find(const char *name);

void subject_set(Subject *subject, const ModelObject *object);
/* The object, if it is still there. */
ModelObject *subject_find(const Subject *subject, const Model *model);
