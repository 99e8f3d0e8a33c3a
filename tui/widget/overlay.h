/* widget/overlay - what lies over the view and gets the keys first: a form, a
 * choice from a list. The console keeps a stack of them.
 */
#pragma once

#include "tui/screen/draw.h"

#include <stdbool.h>

typedef struct Overlay Overlay;

typedef struct {
    void (*draw)(Overlay *overlay, Screen *screen);
    /* FALSE: it is done and is to be removed and freed. It may have called its
     * owner back before, and that may have put another overlay on the stack. */
    bool (*key)(Overlay *overlay, Key key);
    void (*free)(Overlay *overlay);
    /* Typed text goes somewhere: a paste may be let in. */
    bool takes_text;
} OverlayClass;

/* The first member of every overlay. */
struct Overlay {
    const OverlayClass *class;
};
