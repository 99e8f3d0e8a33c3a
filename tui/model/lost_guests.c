#include "tui/model/lost_guests.h"

#include "backend/wire/message.h"
#include "tui/model/claims.h"

#include <string.h>

/* What waits for its node: lives in Model.waiting. */
struct LostGuest {
    guint teller;
    json_t *json;
};

static void lost_guest_free(gpointer data)
{
    LostGuest *guest = data;
    json_decref(guest->json);
    g_free(guest);
}

GPtrArray *lost_guests_new(void)
{
    return g_ptr_array_new_with_free_func(lost_guest_free);
}

/* In the same cluster, or not known to be in any. */
static ModelNode *find_node(const Model *model, guint teller, const char *name)
{
    const ModelNode *by = model_node(model, teller);
    for (guint i = 0; by && i < model_node_count(model); i++) {
        ModelNode *node = model_node(model, i);
        if (node && i != teller && g_strcmp0(node->name, name) == 0 &&
            (!node->cluster || g_strcmp0(node->cluster, by->cluster) == 0))
            return node;
    }
    return NULL;
}

/* One that was never reached has not said in which cluster it is. */
static void set_cluster(Model *model, ModelNode *node, const ModelNode *teller)
{
    if (node->cluster || !teller->cluster)
        return;
    node->cluster = g_ref_string_acquire(teller->cluster);
    model_tell(model, MODEL_CHANGED, &node->base, model_field_bit(OBJECT_NODE, "cluster"));
    claims_review(model, node->base.node);
}

static void recall(Model *model, ModelNode *node, const json_t *json)
{
    ModelGuest key;
    if (node->link == MODEL_LINK_UP ||
        !model_make_key(&key, node->base.node, OBJECT_GUEST, wire_get_string(json, "id", NULL)))
        return;
    ModelObject *object = g_hash_table_lookup(model->index[OBJECT_GUEST], &key);
    gboolean fresh = !object;
    if (object && !object->recalled)
        return;
    if (fresh && model->objects[OBJECT_GUEST]->len >= MODEL_OBJECTS_MAX)
        return;
    if (fresh)
        object = model_object_add(model, &key);
    else
        model_count_guest(model, object, -1);
    object->recalled = TRUE;
    guint64 fields = model_object_update(object, json);
    model_count_guest(model, object, 1);
    if (fresh && claims_added(model, object))
        model_tell(model, MODEL_ADDED, object, ~G_GUINT64_CONSTANT(0));
    else if (!fresh && fields && claims_changed(model, object))
        model_tell(model, MODEL_CHANGED, object, fields);
}

static void put(Model *model, ModelNode *node, guint teller, const json_t *json)
{
    set_cluster(model, node, model_node(model, teller));
    recall(model, node, json);
}

void lost_guests_told(Model *model, guint teller, const json_t *json)
{
    const char *name = wire_get_string(json, "node", NULL);
    ModelNode *node = name ? find_node(model, teller, name) : NULL;
    if (node) {
        put(model, node, teller, json);
        return;
    }
    if (!name || model->waiting->len >= MODEL_OBJECTS_MAX)
        return;
    LostGuest *guest = g_new(LostGuest, 1);
    *guest = (LostGuest){teller, json_incref((json_t *)(gintptr)json)};
    g_ptr_array_add(model->waiting, guest);
}

void lost_guests_gone(Model *model, guint teller, const char *id)
{
    for (guint i = model->waiting->len; i-- > 0;) {
        const LostGuest *guest = model->waiting->pdata[i];
        if (guest->teller == teller &&
            g_strcmp0(wire_get_string(guest->json, "id", NULL), id) == 0)
            g_ptr_array_remove_index_fast(model->waiting, i);
    }
}

void lost_guests_forget(Model *model, guint teller)
{
    for (guint i = model->waiting->len; i-- > 0;)
        if (((const LostGuest *)model->waiting->pdata[i])->teller == teller)
            g_ptr_array_remove_index_fast(model->waiting, i);
}

void lost_guests_review(Model *model, ModelNode *node)
{
    for (guint i = model->waiting->len; i-- > 0;) {
        const LostGuest *guest = model->waiting->pdata[i];
        const char *name = wire_get_string(guest->json, "node", "");
        if (!node || find_node(model, guest->teller, name) != node)
            continue;
        put(model, node, guest->teller, guest->json);
        g_ptr_array_remove_index_fast(model->waiting, i);
    }
}
