#include "tui/widget/cell.h"

#include "tui/model/units.h"

#include <math.h>
#include <string.h>

Glyph cell_guest_glyph(const ModelGuest *guest, Role *role)
{
    *role = ROLE_WARNING;
    switch ((GuestState)guest->state) {
    case GUEST_STATE_RUNNING:
        *role = ROLE_RUNNING;
        return GLYPH_RUNNING;
    case GUEST_STATE_STOPPED:
        *role = ROLE_TEXT;
        return GLYPH_STOPPED;
    case GUEST_STATE_SAVED:
        *role = ROLE_TEXT;
        return GLYPH_PAUSED;
    case GUEST_STATE_PAUSED:
        return GLYPH_PAUSED;
    case GUEST_STATE_STARTING:
    case GUEST_STATE_STOPPING:
        return GLYPH_MOVING;
    case GUEST_STATE_CRASHED:
        *role = ROLE_ERROR;
        return GLYPH_FAILED;
    default:
        *role = ROLE_DIM;
        return GLYPH_UNKNOWN;
    }
}

Glyph cell_task_glyph(const ModelTask *task, Role *role)
{
    *role = ROLE_TEXT;
    if (g_strcmp0(task->state, "failed") == 0) {
        *role = ROLE_ERROR;
        return GLYPH_FAILED;
    }
    if (g_strcmp0(task->state, "cancelled") == 0) {
        *role = ROLE_WARNING;
        return GLYPH_STOPPED;
    }
    if (g_strcmp0(task->state, "done") == 0)
        return GLYPH_DONE;
    *role = ROLE_ACCENT;
    return g_strcmp0(task->state, "queued") == 0 ? GLYPH_STOPPED : GLYPH_TASK;
}

Glyph cell_node_glyph(const ModelNode *node, Role *role)
{
    switch ((ModelLinkState)node->link) {
    case MODEL_LINK_UP:
        *role = node->drivers ? ROLE_WARNING : ROLE_RUNNING;
        return node->drivers ? GLYPH_ATTENTION : GLYPH_RUNNING;
    case MODEL_LINK_FAILED:
        *role = ROLE_ERROR;
        return GLYPH_FAILED;
    case MODEL_LINK_DOWN:
        *role = ROLE_ERROR;
        return GLYPH_UNKNOWN;
    default:
        *role = ROLE_WARNING;
        return GLYPH_MOVING;
    }
}

void cell_node_state(const ModelNode *node, char *buffer, size_t size)
{
    char age[16];
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    switch ((ModelLinkState)node->link) {
    case MODEL_LINK_UP:
        g_strlcpy(buffer, node->drivers ? "degraded" : node->ready ? "up" : "reading", size);
        return;
    case MODEL_LINK_CONNECTING:
        g_strlcpy(buffer, "connecting", size);
        return;
    case MODEL_LINK_FAILED:
    case MODEL_LINK_DOWN:
    default:
        if (node->heard > 0) {
            units_duration((double)(now - node->heard), age, sizeof age);
            g_snprintf(buffer, size, "lost %s", age);
        } else
            g_strlcpy(buffer, node->link == MODEL_LINK_FAILED ? "refused" : "no answer", size);
    }
}

Role cell_word_role(const char *word)
{
    static const char *const bad[] = {"error", "failed", "silent", "crashed", NULL};
    static const char *const doubtful[] = {"warning", "inactive", "no-carrier", "cancelled",
                                           NULL};
    if (word && g_strv_contains(bad, word))
        return ROLE_ERROR;
    if (word && g_strv_contains(doubtful, word))
        return ROLE_WARNING;
    return ROLE_TEXT;
}

static Role fullness(double percent)
{
    return percent >= 97 ? ROLE_ERROR : percent >= 90 ? ROLE_WARNING : ROLE_TEXT;
}

static void guest_state(Cell *cell, const Model *model, const ModelGuest *guest)
{
    cell->has_glyph = true;
    cell->glyph = cell_guest_glyph(guest, &cell->glyph_role);
    const ModelObject *found =
        guest->task ? model_find(model, guest->base.node, OBJECT_TASK, guest->task) : NULL;
    if (found) {
        const ModelTask *task = (const ModelTask *)found;
        const char *verb = task->method ? strchr(task->method, '.') : NULL;
        cell->glyph = GLYPH_TASK;
        cell->glyph_role = ROLE_ACCENT;
        if (task->progress >= 0)
            g_snprintf(cell->text, sizeof cell->text, "%.0f%%", task->progress);
        else
            g_strlcpy(cell->text, verb ? verb + 1 : "busy", sizeof cell->text);
    } else if (guest->state == GUEST_STATE_RUNNING && guest->started > 0) {
        units_duration((double)g_get_real_time() / G_USEC_PER_SEC - (double)guest->started,
                       cell->text, sizeof cell->text);
    } else {
        g_strlcpy(cell->text, guest_state_name((GuestState)guest->state), sizeof cell->text);
    }
}

static void state_cell(Cell *cell, const Model *model, const ModelObject *object)
{
    const ModelNode *node = (const ModelNode *)object;
    switch ((ObjectKind)object->kind) {
    case OBJECT_NODE:
        cell->has_glyph = true;
        cell->glyph = cell_node_glyph(node, &cell->glyph_role);
        cell_node_state(node, cell->text, sizeof cell->text);
        break;
    case OBJECT_GUEST:
        guest_state(cell, model, (const ModelGuest *)object);
        break;
    case OBJECT_TASK:
        cell->has_glyph = true;
        cell->glyph = cell_task_glyph((const ModelTask *)object, &cell->glyph_role);
        break;
    default:
        cell->role = cell_word_role(cell->text);
        cell->has_glyph = cell->role != ROLE_TEXT;
        cell->glyph = cell->role == ROLE_ERROR ? GLYPH_FAILED : GLYPH_ATTENTION;
        cell->glyph_role = cell->role;
    }
}

void cell_fill(Cell *cell, const Model *model, const ModelField *field,
               const ModelObject *object)
{
    cell->role = ROLE_TEXT;
    cell->has_glyph = false;
    model_field_format(model, field, object, cell->text, sizeof cell->text);
    if (strcmp(field->name, "state") == 0 || strcmp(field->name, "link") == 0 ||
        strcmp(field->name, "severity") == 0)
        state_cell(cell, model, object);
    else if (strcmp(cell->text, "-") == 0)
        cell->role = ROLE_DIM;
    else if (strcmp(field->name, "error") == 0 || strcmp(field->name, "trouble") == 0)
        cell->role = ROLE_ERROR;
    else if (field->meaning == MEANS_PERCENT &&
             (object->kind == OBJECT_NODE || strcmp(field->name, "full") == 0))
        cell->role = fullness(model_field_number(model, field, object));
}
