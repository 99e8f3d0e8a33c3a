/* screen/relay - frames to a terminal that may not read them.
 *
 * A frame is handed over whole and written at once; what the terminal does not
 * take is kept and written when it does. Until then relay_busy() holds and no
 * new frame should be made, so at most one frame is ever kept.
 */
#pragma once

#include "tui/screen/skin.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Relay Relay;

typedef struct {
    void (*drained)(gpointer user);
    void (*lost)(gpointer user);
} RelayEvents;

/* The descriptor stays the caller's and must be non-blocking. synchronised: the
 * terminal knows mode 2026. */
Relay *relay_new(int descriptor, bool synchronised, const RelayEvents *events, gpointer user);
void relay_free(Relay *relay);

/* Colour number index is to be shown as exactly 0xRRGGBB; -1 undoes that. */
void relay_exact_colour(Relay *relay, int index, int value);
/* Copies and writes; nothing happens for an empty frame. */
void relay_frame(Relay *relay, const char *bytes, size_t length);
bool relay_busy(const Relay *relay);
/* For the last bytes before leaving: waits so many milliseconds at most. */
void relay_drain(Relay *relay, int milliseconds);
guint64 relay_bytes(const Relay *relay);
guint64 relay_frames(const Relay *relay);
