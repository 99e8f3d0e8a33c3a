/* widget/cell - how one field of one object stands in a table: text, role, and
 * the glyph before a state. */
#pragma once

#include "tui/model/model.h"
#include "tui/screen/draw.h"

#include <stdbool.h>

#define CELL_MAX 256

typedef struct {
    char text[CELL_MAX];
    Role role;
    bool has_glyph;
    Glyph glyph; /* one column and a space before the text */
    Role glyph_role;
} Cell;

void cell_fill(Cell *cell, const Model *model, const ModelField *field,
               const ModelObject *object);

Glyph cell_guest_glyph(const ModelGuest *guest, Role *role);
Glyph cell_task_glyph(const ModelTask *task, Role *role);
Glyph cell_node_glyph(const ModelNode *node, Role *role);
/* "running", or what its link says: "lost, 43s old". */
void cell_node_state(const ModelNode *node, char *buffer, size_t size);
/* warning and error of alarms, events, storages and links, in one place. */
Role cell_word_role(const char *word);
