/* What the watches of the nodes bring. */
#include "backend/wire/message.h"
#include "tui/model/claims.h"
#include "tui/model/lost_guests.h"
#include "tui/model/model_private.h"

#include <malloc.h>
#include <string.h>

void model_recall(Model *model, guint teller, const json_t *guest)
{
    lost_guests_told(model, teller, guest);
}

void model_watch_begin(Model *model, guint index, gint64 watch)
{
    ModelNode *node = model_node(model, index);
    if (!node)
        return;
    model->watches[index] = (NodeWatch){.watch = watch, .snapshot = TRUE};
    lost_guests_forget(model, index);
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        const GPtrArray *lists[] = {model->objects[kind], model->hidden[kind]};
        for (guint i = 0; i < lists[0]->len + lists[1]->len; i++) {
            ModelObject *object =
                i < lists[0]->len ? lists[0]->pdata[i] : lists[1]->pdata[i - lists[0]->len];
            if (object->node == index)
                object->touched = FALSE;
        }
    }
}

static void apply_node(Model *model, ModelNode *node, const json_t *json)
{
    guint64 fields = model_object_update(&node->base, json);
    if (fields)
        model_tell(model, MODEL_CHANGED, &node->base, fields);
    if (fields & model_field_bit(OBJECT_NODE, "cluster"))
        claims_review(model, node->base.node);
}

static void apply_object(Model *model, guint index, const json_t *json)
{
    ObjectKind kind;
    const char *id = wire_get_string(json, "id", NULL);
    if (!object_kind_from_name(wire_get_string(json, "kind", ""), &kind)) {
        /* A guest's own field is called kind, too: its objects say vm or ct. */
        GuestKind guest_kind;
        if (!guest_kind_from_name(wire_get_string(json, "kind", ""), &guest_kind))
            return;
        kind = OBJECT_GUEST;
    }
    if (kind == OBJECT_NODE) {
        apply_node(model, model_node(model, index), json);
        return;
    }
    if (kind == OBJECT_LOST_GUEST) {
        lost_guests_told(model, index, json);
        return;
    }
    ModelGuest key;
    if (!model_make_key(&key, index, kind, id))
        return;
    ModelObject *object = g_hash_table_lookup(model->index[kind], &key);
    gboolean fresh = !object;
    if (fresh) {
        if (model->objects[kind]->len >= MODEL_OBJECTS_MAX)
            return;
        object = model_object_add(model, &key);
    } else {
        model_count_guest(model, object, -1);
    }
    object->touched = TRUE;
    object->recalled = FALSE;
    claims_stay(model, object);
    guint64 fields = model_object_update(object, json);
    model_count_guest(model, object, 1);
    if (fresh && kind == OBJECT_EVENT && claims_is_told(model, (ModelEvent *)object)) {
        g_hash_table_remove(model->index[kind], object);
        g_ptr_array_remove_fast(model->objects[kind], object);
    } else if (fresh && claims_added(model, object)) {
        model_tell(model, MODEL_ADDED, object, ~G_GUINT64_CONSTANT(0));
    } else if (!fresh && fields && claims_changed(model, object)) {
        model_tell(model, MODEL_CHANGED, object, fields);
    }
}

static void apply_gone(Model *model, guint index, const json_t *json)
{
    ObjectKind kind;
    if (!object_kind_from_name(wire_get_string(json, "kind", ""), &kind) || kind == OBJECT_NODE)
        return;
    if (kind == OBJECT_LOST_GUEST) {
        lost_guests_gone(model, index, wire_get_string(json, "id", NULL));
        return;
    }
    ModelGuest key;
    ModelObject *object = NULL;
    if (model_make_key(&key, index, kind, wire_get_string(json, "id", NULL)))
        object = g_hash_table_lookup(model->index[kind], &key);
    if (object && !claims_leave(model, object))
        model_object_remove(model, object);
}

/* What the new snapshot did not name went while nobody watched. Events are kept:
 * a snapshot brings only the newest. */
static void sweep(Model *model, guint index)
{
    model_remove_all(model, index, TRUE);
}

/* The oldest events make room; their ids sort by time. */
static void limit_events(Model *model)
{
    GPtrArray *events = model->objects[OBJECT_EVENT];
    while (events->len > MODEL_EVENTS_MAX) {
        ModelObject *oldest = events->pdata[0];
        for (guint i = 1; i < events->len; i++) {
            ModelObject *event = events->pdata[i];
            if (((ModelEvent *)event)->time < ((ModelEvent *)oldest)->time)
                oldest = event;
        }
        model_object_remove(model, oldest);
    }
}

ModelApply model_apply(Model *model, guint index, const json_t *params, gboolean *ready)
{
    ModelNode *node = model_node(model, index);
    if (!node)
        return MODEL_FOREIGN;
    NodeWatch *watch = &model->watches[index];
    if (!watch->watch || wire_get_integer(params, "watch", 0) != watch->watch)
        return MODEL_FOREIGN;
    gint64 seq = wire_get_integer(params, "seq", -1);
    if (watch->seq && seq != watch->seq + 1) {
        watch->watch = 0;
        return MODEL_GAP;
    }
    watch->seq = seq;
    node->heard = g_get_real_time() / G_USEC_PER_SEC;
    if (node->lost) {
        node->lost = FALSE;
        model_show_link(model, node, MODEL_LINK_UP, NULL);
    }

    size_t i;
    const json_t *item;
    /* In this order: what went and came back stands in both. */
    json_array_foreach(json_object_get(params, "gone"), i, item) apply_gone(model, index, item);
    json_array_foreach(json_object_get(params, "objects"), i, item)
        apply_object(model, index, item);
    limit_events(model);
    if (watch->snapshot && wire_get_boolean(params, "ready", FALSE)) {
        watch->snapshot = FALSE;
        node->ready = TRUE;
        sweep(model, index);
        /* The JSON of the snapshot is not needed again. */
        (void)malloc_trim(0);
        model_tell(model, MODEL_CHANGED, &node->base, model_field_bit(OBJECT_NODE, "link"));
        if (ready)
            *ready = TRUE;
    }
    return MODEL_APPLIED;
}
