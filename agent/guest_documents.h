/* guest_documents - what the store holds of guests.
 *
 *   guest/NUMBER             {"kind":"vm","native":UUID,"name":N,"node":NODE,"state":S}:
 *                            who has the number, on which node, and how it was last
 *   guest/NUMBER/gantry      {"tags":[...],"notes":S,"description":S}: Gantry's own words
 *   guest/NUMBER/definition  libvirt's XML or the container's file, verbatim
 *
 * The store is the cluster's, the guests here are this node's. Each of the documents of a
 * guest is written by the node that has it, but for the second, which any may change; a
 * change of any of them has the revision that was read as its condition, so none is lost
 * unseen: see document.h.
 *
 * A number is claimed by writing its document where there is none, so no two nodes ever get
 * the same. A guest has its number at once, though: the lowest that seems free here. When
 * the claim finds it taken after all (two nodes at the same time; a node that had numbers
 * and joins a cluster) the guest gets another one, and renumbered() says so. While nothing
 * can be written (no majority, disk full) numbers hold as long as the agent runs, and are
 * claimed with the next chance: guest_documents_settle().
 */
#pragma once

#include "backend/cluster/store.h"
#include "backend/wire/vocabulary.h"

#include <jansson.h>

#define GUEST_DEFINITION_MAX   STORE_DOCUMENT_MAX
#define GUEST_DOCUMENTS_FOLDER "guest"

typedef struct GuestDocuments GuestDocuments;

typedef struct {
    /* A guest's own document changed, for whatever reason, or its number is claimed. */
    void (*changed)(int number, gpointer user);
    /* A guest of this node has another number. */
    void (*renumbered)(const char *native, int from, int to, gpointer user);
} GuestDocumentsEvents;

/* The store must be loaded; node is this one's name. */
GuestDocuments *guest_documents_new(Store *store, const char *node,
                                    const GuestDocumentsEvents *events, gpointer user);
void guest_documents_free(GuestDocuments *documents);

/* The number that this guest has, giving it the lowest free one if it has none; then
 * *fresh is TRUE. */
int guest_documents_number(GuestDocuments *documents, GuestKind kind, const char *native,
                           const char *name, gboolean *fresh);
/* How it is now; written when that is news. */
void guest_documents_note(GuestDocuments *documents, int number, const char *name,
                          const char *state);
/* A guest that moves keeps its number. The node that it comes to expects it first: until it
 * takes it, the number is the other's, and nothing is written. It takes it when the guest is
 * there for good, or parts with it when it does not come; the node that it left parts with
 * it too. */
void guest_documents_expect(GuestDocuments *documents, GuestKind kind, int number,
                            const char *native, const char *name);
void guest_documents_take(GuestDocuments *documents, int number);
void guest_documents_part(GuestDocuments *documents, int number);
/* From now on the number belongs to another native identifier (a rename). */
void guest_documents_move(GuestDocuments *documents, GuestKind kind, int number,
                          const char *native, const char *name);
/* The guest is no more: all its documents go, and the number is free. */
void guest_documents_forget(GuestDocuments *documents, int number);
/* The store works (again), or is another: writes what is not written. */
void guest_documents_settle(GuestDocuments *documents);
/* This node has left its cluster: what is of other nodes goes. */
void guest_documents_prune(GuestDocuments *documents);

/* Tags, notes and description as they are on disk: a new object, empty if there are none. */
json_t *guest_documents_gantry(const GuestDocuments *documents, int number);

/* Whether they are at the revision that params name, if they do; see document.h. */
gboolean guest_documents_check(const GuestDocuments *documents, int number,
                               const json_t *params, GError **error);
guint64 guest_documents_revision(const GuestDocuments *documents, int number);

typedef void (*GuestDocumentsSaved)(const GError *error, gpointer user);
/* What is to be merged into the words that are there, a new object; NULL: nothing is. */
typedef json_t *(*GuestDocumentsEdit)(const json_t *words, gpointer user, GError **error);
/* Merges that; by document_change(), so edit may be asked again. */
void guest_documents_change(GuestDocuments *documents, int number, const json_t *params,
                            GuestDocumentsEdit edit, GuestDocumentsSaved saved, gpointer user);

/* The definition as the store has it, as a new reference, or NULL. */
GBytes *guest_documents_definition(const GuestDocuments *documents, int number);
/* Whether the store says that the number is this guest's: before that nothing is said of
 * it there. */
gboolean guest_documents_is_claimed(const GuestDocuments *documents, int number);
/* WIRE_ERROR_LIMIT above GUEST_DEFINITION_MAX. */
void guest_documents_define(GuestDocuments *documents, int number, const char *text,
                            GuestDocumentsSaved saved, gpointer user);

/* All guests of the cluster, or of one node (NULL: all), that the store knows, as {id, type,
 * name, native, node, state, tags}: a new array, by number. */
json_t *guest_documents_all(const GuestDocuments *documents, const char *node);
/* The one that has the number, whichever node has it, in the same form; or NULL. */
json_t *guest_documents_find(const GuestDocuments *documents, int number);
/* guest/101/gantry -> 101; 0: it is no guest's path. */
int guest_documents_number_of(const char *path);
/* The number of "vm/101" or "101" that is of another node, with that node's name; else 0. */
int guest_documents_elsewhere(const GuestDocuments *documents, const char *text, char **node);
