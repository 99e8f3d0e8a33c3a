/* move/route - how the process of a move speaks with the other node, and what it was told
 * by the agent. Blocks. Errors are those of backend/peer/stream.h, and what the other
 * node answers, with its name before it. */
#pragma once

#include "agent/task/child.h"
#include "backend/guest/driver.h"
#include "backend/peer/relay.h"

typedef struct {
    const TaskRequest *request;
    const Job *job;
    const char *own; /* this node */
    char *node;      /* the other one */
    guint port;
    PeerBook *book;
    GuestSettings settings; /* strings are the request's */
    GPtrArray *lxc_paths;
} MoveRoute;

/* Reads settings of the request and the cluster's files. */
gboolean move_route_open(MoveRoute *route, const TaskRequest *request, const Job *job,
                         const char *node, GError **error);
void move_route_clear(MoveRoute *route);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MoveRoute, move_route_clear)

/* The settings' directory of a storage by name; NULL when it has none. */
const char *move_settings_storage(const json_t *settings, const char *name);

/* Calls a method of the other agent, for the person whose task this is. Steals params. */
json_t *move_route_call(const MoveRoute *route, const char *method, json_t *params,
                        GError **error);

/* A session with the other agent, for many calls: it is opened by the first one, and again by
 * the next after it broke. */
typedef struct {
    const MoveRoute *route;
    PeerStream *stream; /* NULL: none */
    gint64 calls;
} MoveSession;

void move_session_clear(MoveSession *session);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MoveSession, move_session_clear)
/* Steals params. *refused (may be NULL): the agent answered, and that it will not; else
 * nobody knows what it did. */
json_t *move_session_call(MoveSession *session, const char *method, json_t *params,
                          gboolean *refused, GError **error);
/* A connection to a reception; fresh: it was just asked for, and may not be there yet. */
PeerStream *move_route_reception(const MoveRoute *route, const char *id, gboolean fresh,
                                 GError **error);
/* A socket here that leads to libvirtd there (name NULL) or to a socket of the reception. */
PeerRelay *move_route_relay(const MoveRoute *route, const char *id, const char *name,
                            const char *path, uid_t uid, gid_t gid, GError **error);

/* One command of the reception's protocol, {"do":WHAT,...}; steals command. Answers
 * {"done":{...}} or {"error":{code,message}}; the new reference is what is done.
 * WIRE_ERROR_CANCELLED when the job is. *refused (may be NULL): the reception answered, and
 * that it could not; else nobody knows what it did. */
json_t *move_command(PeerStream *control, const MoveRoute *route, json_t *command,
                     guint seconds, gboolean *refused, GError **error);
