/* model/order - the order of rows in tables. Pure.
 *
 * By any field, either way; what is equal there is ordered by id, so the order
 * is total and a row never moves without a reason. Names compare as people
 * count: web2 before web10. What is not known comes last both ways.
 */
#pragma once

#include "tui/model/fields.h"

/* Sorts an array of ModelObject pointers of one kind. field -1: by id. */
void order_sort(const Model *model, ObjectKind kind, int field, bool descending,
                gpointer *objects, guint count);
/* Compares as people count, without regard to case. */
int order_compare_text(const char *a, const char *b);
int order_compare_ids(const ModelObject *a, const ModelObject *b);
