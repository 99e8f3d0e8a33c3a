/* view/console_tab - one program in the consoles view: its terminal, its stream
 * and what became of it.
 *
 *   opening -> open -> ended -> (reopen) opening
 *          \-> busy -> (take over) opening
 *          \-> failed -> (reopen) opening
 *
 * The descriptor is read with a low priority, in pieces that take the emulator
 * about CONSOLE_TAB_SLICE to digest. What the program does not take is queued
 * up to CONSOLE_TAB_QUEUE_MAX bytes; beyond that keys are dropped.
 */
#pragma once

#include "tui/view/consoles.h"
#include "tui/widget/terminal.h"

#define CONSOLE_TAB_SLICE     4000 /* microseconds */
#define CONSOLE_TAB_QUEUE_MAX (2u << 20)

typedef enum { TAB_OPENING, TAB_OPEN, TAB_BUSY, TAB_FAILED, TAB_ENDED } ConsoleTabState;

typedef struct {
    ConsolesOpener opener;
    gpointer opener_user;
    /* The tab has something new to show; its state is another. */
    void (*changed)(gpointer user);
    void (*bell)(gpointer user);
    gpointer user;
} ConsoleTabContext;

typedef struct {
    const ConsoleTabContext *context;
    ConsoleTarget target; /* its strings are owned */
    char *title;          /* "ct/201 shell"; a command's own */
    Terminal *terminal;
    ConsoleTabState state;
    char *message;  /* why it failed, is busy or ended; else NULL */
    gboolean fresh; /* output came that the person has not seen */
    gboolean heard; /* any output came since it was opened */

    ConsoleStream *stream;
    int descriptor;
    size_t piece; /* bytes to read at once */
    GSource *reader, *writer;
    GString *queue;
} ConsoleTab;

/* Begins to open. context outlives the tab. */
ConsoleTab *console_tab_new(const ConsoleTabContext *context, const ConsoleTarget *target,
                            guint rows, guint columns);
void console_tab_free(ConsoleTab *tab);

/* Opens again what is busy (taking it over), has failed or ended. */
void console_tab_reopen(ConsoleTab *tab, gboolean take);
/* A command that has ended: what it said stays to be read. */
gboolean console_tab_is_read(const ConsoleTab *tab);
void console_tab_resize(ConsoleTab *tab, guint rows, guint columns);
