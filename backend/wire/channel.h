/* wire/channel - lines over a file descriptor, in a GLib main loop.
 *
 * Both ends of the wire use it: the agent for each session, the console for
 * each node. It never blocks. Reading: whole lines are handed over one by one;
 * a line over WIRE_MESSAGE_MAX, or one begun and not ended within
 * WIRE_LINE_DEADLINE, closes the channel. Writing: lines are queued and sent as
 * the peer takes them; a queue over the limit closes the channel, so that a
 * peer that does not read costs bounded memory.
 *
 * All channels of a main loop together read for WIRE_TURN in each turn of it, and then
 * until the lines that were read are handled; the next turn begins with another channel.
 * So a source of a higher priority waits for a bounded time, however many peers there
 * are, if their lines are short.
 *
 * Ownership: the channel owns its descriptor. Events run in the thread-default
 * main context of the thread that made the channel. wire_channel_free() may be
 * called from inside an event; after it returns no event comes.
 */
#pragma once

#include <glib.h>

#define WIRE_TURN          1000        /* microseconds of reading in one turn */
#define WIRE_LINE_DEADLINE 30          /* seconds for a begun line to end */
#define WIRE_BACKLOG_MAX   (64u << 20) /* bytes queued for a slow peer */

typedef struct WireChannel WireChannel;

typedef struct {
    /* One line, without its newline, NUL-terminated; valid during the call. */
    void (*line)(const char *line, size_t length, gpointer user);
    /* The peer is gone (error NULL) or the channel broke. Comes at most once,
     * never from inside wire_channel_send. The channel is still to be freed. */
    void (*closed)(const GError *error, gpointer user);
} WireChannelEvents;

WireChannel *wire_channel_new(int descriptor, const WireChannelEvents *events, gpointer user);
void wire_channel_free(WireChannel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WireChannel, wire_channel_free)

/* Queues a line (without newline); copies it. */
void wire_channel_send(WireChannel *channel, const char *line, size_t length);
/* The same for what wire_message_*() made, and frees it with free(). */
void wire_channel_send_steal(WireChannel *channel, char *line);

/* In closed(): a last line, as far as the peer takes it at once; frees it with free().
 * It tells a peer that is still there why it was cut off. */
void wire_channel_send_last(WireChannel *channel, char *line);

/* Bytes not yet taken by the peer. */
size_t wire_channel_backlog(const WireChannel *channel);
/* For a session that turns into a raw stream: gives the descriptor up and frees
 * the channel. The peer must not have sent anything past its last line; what it
 * did send early is lost. */
int wire_channel_steal_descriptor(WireChannel *channel);
