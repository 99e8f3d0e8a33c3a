/* guest_documents_private - what the parts of guest_documents share: the table of this node's
 * guests and their numbers (guest_owners.c), the paths and documents in the store
 * (guest_documents_store.c), what was said of a guest while this node was alone
 * (guest_former.c).
 */
#pragma once

#include "agent/guest_documents.h"

/* A guest of this node. */
typedef struct {
    int number;
    GuestKind kind;
    char *native, *name, *state;
    gboolean written;  /* as it is here */
    gboolean writing;  /* a write is under way */
    gboolean visiting; /* it moves here: the number is still the other node's */
    gboolean taking;   /* it has moved here: the number is to be taken over */
} GuestOwner;

struct GuestDocuments {
    Store *store;
    char *node;
    guint watch, settle;
    int hint;                 /* no lower number is free */
    guint writes;             /* of owners, under way */
    gboolean backlog;         /* there are more to be written */
    const GArray *former;     /* what the words below were read from */
    GHashTable *former_words; /* native -> GBytes: /gantry of when this node was alone */
    GHashTable *doomed;       /* numbers whose documents are to go and have not yet */
    GHashTable *by_number;    /* number -> GuestOwner */
    GHashTable *by_native;    /* native -> GuestOwner (borrowed); natives of kinds differ */
    GuestDocumentsEvents events;
    gpointer user;
};

/* guest_owners.c: who has which number here, and the writing of that. */
void guest_owner_free(gpointer owner);
/* NULL when the number is none of this node's guests'. */
GuestOwner *guest_owner_find(const GuestDocuments *documents, int number);
GuestOwner *guest_owner_add(GuestDocuments *documents, int number, GuestKind kind,
                            const char *native, const char *name);
void guest_owner_drop(GuestDocuments *documents, int number);
int guest_owner_lowest_free(GuestDocuments *documents);
/* Claims the number, or writes how the guest is; unless that is under way. */
void guest_owner_write(GuestDocuments *documents, GuestOwner *owner);

/* guest_documents_store.c: rest is "", "/gantry" or "/definition". */
char *guest_path(int number, const char *rest);
/* guest/101 -> 101; 0 when the path is another. */
int guest_path_number(const char *path, const char **rest);
const StoreDocument *guest_document_find(const GuestDocuments *documents, int number,
                                         const char *rest);
/* A document without a node is from before there were clusters. */
gboolean guest_document_is_here(const GuestDocuments *documents, const json_t *object);
/* Deletes what of the forgotten guests is still there. */
void guest_documents_delete_doomed(GuestDocuments *documents);

/* guest_former.c: adds to a claim what was said of the guest when this node was alone, if
 * nothing is said of it in the cluster. */
void guest_former_add(GuestDocuments *documents, const GuestOwner *owner,
                      StoreTransaction *transaction);
