/* document - small JSON objects in the store that people read, change and write back.
 *
 * Whoever changes one may say at which revision it was read (the parameter `revision` of a
 * method, 0 for one that was not there): when it has changed since, nothing is written and
 * WIRE_ERROR_CONFLICT says so. Without that the change is made to what is there now: of two
 * at once, on whichever nodes, the later one is made to what the other left, and both hold.
 *
 * What the store holds, and where that is described:
 *
 *   guest/NUMBER, .../gantry, .../definition   guest_documents.h
 *   nodes/NAME                                 cluster_nodes.h
 *   cluster/settings                           cluster_settings.h
 *   console/settings                           console_settings.h
 *   role/user/NAME, role/group/NAME            roles.h
 *   audit/...                                  cluster_audit.h
 */
#pragma once

#include "backend/cluster/store.h"

#include <jansson.h>

/* What a document holds, as a new reference; NULL when it is no JSON object. */
json_t *document_parse(StoreContent *content);
/* The document there, a new object, empty if there is none; *revision (may be NULL) is the
 * one at which it was changed last, 0 if it is not there. */
json_t *document_read(const Store *store, const char *path, guint64 *revision);
guint64 document_revision(const Store *store, const char *path);

/* Whether the document is at the revision that params name, if they do. what: in words, "the
 * notes of vm/100". */
gboolean document_check(const Store *store, const char *path, const json_t *params,
                        const char *what, GError **error);
/* A change of what is there now, which is read and judged here: NULL refuses it. */
typedef StoreTransaction *(*DocumentBuild)(const Store *store, gpointer user, GError **error);
/* Has it built and commits it; when another change came first, as from a node whose changes
 * this one had not heard of yet, it is built anew on what that left. When params (may be
 * NULL; kept by the caller until done) name a revision from after what is known here, that
 * is awaited first. done may be called from within, when build refuses at once. */
void document_change(Store *store, const json_t *params, DocumentBuild build, StoreDone done,
                     gpointer user);

/* Adds to the transaction that the document is as it is here now. */
void document_require(const Store *store, StoreTransaction *transaction, const char *path);
/* A transaction that puts content there instead of what is there now; NULL, or nothing in it,
 * deletes it. */
StoreTransaction *document_replace(const Store *store, const char *path, const json_t *content);
