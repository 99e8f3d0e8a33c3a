/* The nodes, and how the links to them fare. */
#include "tui/model/claims.h"
#include "tui/model/lost_guests.h"
#include "tui/model/model_private.h"

/* The next index, else one whose node was removed. */
static guint free_index(const Model *model)
{
    guint index = model->nodes->len;
    if (index >= MODEL_NODES_MAX)
        for (index = 0; index < MODEL_NODES_MAX && model->nodes->pdata[index];)
            index++;
    return index;
}

guint model_node_add(Model *model, const char *target, const char *name)
{
    guint index = free_index(model);
    g_return_val_if_fail(index < MODEL_NODES_MAX, 0);
    ModelNode *node = g_new(ModelNode, 1);
    model_object_init(&node->base, OBJECT_NODE);
    node->base.node = (guint16)index;
    node->target = g_ref_string_new_intern(target);
    node->name = g_ref_string_new_intern(name ? name : target);
    node->base.id = g_ref_string_new_intern(target);
    if (index == model->nodes->len)
        g_ptr_array_add(model->nodes, node);
    else
        model->nodes->pdata[index] = node;
    g_ptr_array_add(model->objects[OBJECT_NODE], node);
    model_tell(model, MODEL_ADDED, &node->base, ~G_GUINT64_CONSTANT(0));
    lost_guests_review(model, node);
    return index;
}

void model_node_remove(Model *model, guint index)
{
    ModelNode *node = model_node(model, index);
    if (!node)
        return;
    model_remove_all(model, index, FALSE);
    lost_guests_forget(model, index);
    model_tell(model, MODEL_GONE, &node->base, 0);
    model->nodes->pdata[index] = NULL;
    model->watches[index] = (NodeWatch){0};
    g_ptr_array_remove(model->objects[OBJECT_NODE], node);
}

guint model_node_count(const Model *model)
{
    return model->nodes->len;
}

ModelNode *model_node(const Model *model, guint node)
{
    return node < model->nodes->len ? model->nodes->pdata[node] : NULL;
}

ModelNode *model_node_by_name(const Model *model, const char *name)
{
    const GPtrArray *nodes = model->objects[OBJECT_NODE];
    for (guint i = 0; i < nodes->len; i++) {
        ModelNode *node = nodes->pdata[i];
        if (g_strcmp0(node->name, name) == 0)
            return node;
    }
    return NULL;
}

guint model_node_spokesman(const Model *model, guint index)
{
    const ModelNode *node = model_node(model, index);
    if (!node || node->link == MODEL_LINK_UP || !node->cluster)
        return index;
    for (guint i = 0; i < model->nodes->len; i++) {
        const ModelNode *other = model_node(model, i);
        if (other && other->link == MODEL_LINK_UP && other->cluster == node->cluster)
            return i;
    }
    return index;
}

static void put_string(char **member, const char *text)
{
    char *made = text ? g_ref_string_new_intern(text) : NULL;
    if (*member)
        g_ref_string_release(*member);
    *member = made;
}

void model_show_link(Model *model, ModelNode *node, ModelLinkState state, const char *trouble)
{
    gboolean other = (node->link == MODEL_LINK_UP) != (state == MODEL_LINK_UP);
    node->link = (guint8)state;
    put_string(&node->trouble, trouble);
    model_tell(model, MODEL_CHANGED, &node->base,
               model_field_bit(OBJECT_NODE, "link") | model_field_bit(OBJECT_NODE, "trouble"));
    if (other)
        claims_review(model, node->base.node);
}

void model_node_link(Model *model, guint index, ModelLinkState state, const char *trouble)
{
    ModelNode *node = model_node(model, index);
    if (!node || (node->link == state && g_strcmp0(node->trouble, trouble) == 0))
        return;
    if (state == MODEL_LINK_UP)
        node->heard = g_get_real_time() / G_USEC_PER_SEC;
    else
        model->watches[index].watch = 0;
    node->lost = FALSE;
    model_show_link(model, node, state, trouble);
}

void model_node_named(Model *model, guint index, const char *name)
{
    ModelNode *node = model_node(model, index);
    if (!node || g_strcmp0(node->name, name) == 0)
        return;
    put_string(&node->name, name);
    model_tell(model, MODEL_CHANGED, &node->base, model_field_bit(OBJECT_NODE, "name"));
    lost_guests_review(model, node);
}

void model_node_lost(Model *model, guint index, const char *trouble, gint64 since)
{
    ModelNode *node = model_node(model, index);
    if (!node)
        return;
    /* One that this console was not connected to when it was lost. */
    if (node->link != MODEL_LINK_UP) {
        bool tries = node->link == MODEL_LINK_CONNECTING;
        node->heard = node->heard ? node->heard : since;
        model_show_link(model, node, tries ? MODEL_LINK_DOWN : (ModelLinkState)node->link,
                        tries ? trouble : node->trouble);
        return;
    }
    /* The watch goes on: the node may be well, and cut off from the others only. */
    node->lost = TRUE;
    model_show_link(model, node, MODEL_LINK_DOWN, trouble);
}

void model_node_hello(Model *model, guint index, const char *name, const char *agent,
                      WireRole role)
{
    ModelNode *node = model_node(model, index);
    if (!node)
        return;
    if (name && *name)
        put_string(&node->name, name);
    put_string(&node->agent, agent);
    node->role = (gint8)role;
    model_tell(model, MODEL_CHANGED, &node->base,
               model_field_bit(OBJECT_NODE, "name") | model_field_bit(OBJECT_NODE, "agent"));
}
