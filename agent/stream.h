/* stream - consoles, shells and programs in guests, each a process of its own.
 *
 * guest.console and guest.exec make a stream and answer its identifier: a random
 * word that only the same Unix user can use, once, within STREAM_CLAIM_DEADLINE.
 * A second connection whose hello names it turns into the stream: from then on
 * the connection carries raw bytes, and its descriptor belongs to a child,
 * `gantryd stream`, which joins it to the guest. So neither a hung guest nor a
 * flood of bytes touches the agent. The child's end, with its exit status or
 * error, answers stream.wait; a console that failed also says so in its bytes.
 *
 * One person a console: a second is refused by name, or takes it over on
 * purpose, and the first then reads who did. Shells and programs are many.
 */
#pragma once

#include "agent/request.h"
#include "backend/guest/driver.h"

#define STREAM_CLAIM_DEADLINE 30 /* seconds */
#define STREAMS_MAX           128

typedef struct StreamTable StreamTable;

typedef struct {
    const GuestDriver *driver;
    const char *id; /* vm/100 */
    const char *native;
    GuestStreamKind kind;
    gboolean take;
    int rows, columns;
    const json_t *command; /* EXEC: array of strings */
    int timeout;
} StreamAsk;

StreamTable *stream_table_new(Agent *agent);
void stream_table_free(StreamTable *table); /* ends the children */

/* The new stream's identifier (borrowed) or NULL. */
const char *stream_new(StreamTable *table, const StreamAsk *ask, const char *user, uid_t uid,
                       GError **error);
/* Whether this user may turn a session into that stream. */
gboolean stream_claim(StreamTable *table, const char *stream, uid_t uid, GError **error);
/* Starts the child on the descriptor, which it takes. */
void stream_attach(StreamTable *table, const char *stream, int descriptor);
gboolean stream_resize(StreamTable *table, const char *stream, uid_t uid, int rows, int columns,
                       GError **error);
/* Answers the request when the stream ends. */
void stream_wait(StreamTable *table, const char *stream, Request *request);

/* `gantryd stream`: the child. Returns its exit status. */
int stream_main(int argc, char **argv);
