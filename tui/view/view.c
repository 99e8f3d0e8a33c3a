#include "tui/view/view.h"

#include <string.h>

const ViewClass *view_class_find(const char *name)
{
    static const ViewClass *const classes[] = {
        &view_dashboard, &view_guests,   &view_nodes,  &view_storage,
        &view_links,     &view_tasks,    &view_events, &view_alarms,
        &view_clusters,  &view_consoles, &view_quorum,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++)
        if (strcmp(classes[i]->name, name) == 0)
            return classes[i];
    return NULL;
}

void subject_set(Subject *subject, const ModelObject *object)
{
    subject->node = object->node;
    subject->kind = (ObjectKind)object->kind;
    g_strlcpy(subject->id, model_object_id(object), sizeof subject->id);
}

ModelObject *subject_find(const Subject *subject, const Model *model)
{
    if (subject->kind == OBJECT_NODE) {
        ModelNode *node = model_node(model, subject->node);
        return node ? &node->base : NULL;
    }
    return model_find(model, subject->node, subject->kind, subject->id);
}
