/* move/purpose - what a connection between the agents of two nodes is for.
 *
 * After the handshake (backend/peer/stream.h) the client says so in one line, and the server
 * answers with one, {"node":NAME} or {"error":{"code","message"}}:
 *
 *   {"want":"rpc","person":WHO}        a session with the agent: JSON-RPC follows, as on
 *                                      the agent's socket after hello
 *   {"want":"reception","id":ID,       JSON lines with a reception (reception.h); fresh: it
 *    "fresh":B}                        was just asked for and is waited for
 *   {"want":"libvirt","id":ID}         libvirtd's socket, while that reception is there
 *   {"want":"socket","id":ID,"name":N} a socket in the directory of that reception
 *
 * The line comes from a member, but is believed in nothing: identifiers and names that pass
 * are such that a path can be made of them (place.h). Members that are not known are passed
 * over, since a newer agent may have more to say. Pure.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#define MOVE_PERSON_MAX 256 /* bytes */

typedef enum {
    MOVE_PURPOSE_RPC,
    MOVE_PURPOSE_RECEPTION,
    MOVE_PURPOSE_LIBVIRT,
    MOVE_PURPOSE_SOCKET,
} MovePurposeKind;

/* Strings are borrowed; NULL where the kind has none. */
typedef struct {
    MovePurposeKind kind;
    const char *person; /* 1 to MOVE_PERSON_MAX bytes */
    const char *id;
    const char *name;
    gboolean fresh;
} MovePurpose;

/* WIRE_ERROR_METHOD for a kind that is not known, WIRE_ERROR_PARAMS. Strings are the line's. */
gboolean move_purpose_parse(const json_t *line, MovePurpose *purpose, GError **error);
/* A new reference. */
json_t *move_purpose_line(const MovePurpose *purpose);
