/* model/order - the order of rows in tables. Pure.
 *
 * By any field, either way; what is equal there is ordered by id, so the order
 * is total and a row never moves without a reason. Names compare as people
 * count: web2 before web10. What is not known comes last both ways.
 */
#pragma once

#include "tui/model/fields.h"

/* The order of ModelObjects of one kind, as their places in the array: places[0] is where
 * the first one stands. The array is left alone: objects are gone through quickest as they
 * lie in memory, which is how the model has them. field -1: by id. */
void order_sort(const Model *model, ObjectKind kind, int field, bool descending,
                const GPtrArray *objects, guint *places);
/* Compares as people count, without regard to case. */
int order_compare_text(const char *a, const char *b);
int order_compare_ids(const ModelObject *a, const ModelObject *b);
