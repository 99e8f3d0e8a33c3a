/* guest_documents - what the store holds of guests.
 *
 *   guest/NUMBER         {"kind":"vm","native":UUID,"name":N}: who has the number
 *   guest/NUMBER/gantry  {"tags":[...],"notes":S}: Gantry's own words about it
 *
 * Who has a number is also kept in memory, so a guest has its number at once.
 * When the write fails (disk full), the number holds as long as the agent runs,
 * and is written again with the next chance: guest_documents_retry().
 */
#pragma once

#include "backend/cluster/store.h"
#include "backend/wire/vocabulary.h"

#include <jansson.h>

typedef struct GuestDocuments GuestDocuments;

/* A guest's own document changed, for whatever reason. */
typedef void (*GuestDocumentsChanged)(int number, gpointer user);

/* The store must be loaded. */
GuestDocuments *guest_documents_new(Store *store, GuestDocumentsChanged changed, gpointer user);
void guest_documents_free(GuestDocuments *documents);

/* The number that this guest has, giving it the lowest free one if it has none; then
 * *fresh is TRUE. */
int guest_documents_number(GuestDocuments *documents, GuestKind kind, const char *native,
                           const char *name, gboolean *fresh);
/* From now on the number belongs to another native identifier (a rename). */
void guest_documents_move(GuestDocuments *documents, GuestKind kind, int number,
                          const char *native, const char *name);
/* The number is free again. */
void guest_documents_forget(GuestDocuments *documents, int number);
/* Writes again what could not be written. */
void guest_documents_retry(GuestDocuments *documents);

/* tags and notes as they are on disk: a new object, empty if there are none. */
json_t *guest_documents_gantry(const GuestDocuments *documents, int number);

typedef void (*GuestDocumentsSaved)(const GError *error, gpointer user);
/* Merges changes (stolen) into tags and notes. */
void guest_documents_change(GuestDocuments *documents, int number, json_t *changes,
                            GuestDocumentsSaved saved, gpointer user);
