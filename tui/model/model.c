/* The objects, who hears of them, and what is asked about them. */
#include "tui/model/claims.h"
#include "tui/model/lost_guests.h"
#include "tui/model/model_private.h"

#include <string.h>

static guint object_hash(gconstpointer key)
{
    const ModelObject *object = key;
    guint hash = object->id ? g_str_hash(object->id) : object->number * 2654435761u;
    return hash ^ ((guint)object->node * 40503u);
}

static gboolean object_equal(gconstpointer a, gconstpointer b)
{
    const ModelObject *x = a, *y = b;
    if (x->node != y->node || x->number != y->number)
        return FALSE;
    if (x->kind == OBJECT_GUEST)
        return ((const ModelGuest *)x)->kind == ((const ModelGuest *)y)->kind;
    return g_strcmp0(x->id, y->id) == 0;
}

static void object_free(gpointer data)
{
    ModelObject *object = data;
    model_object_clear(object);
    g_free(object);
}

Model *model_new(void)
{
    Model *model = g_new0(Model, 1);
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        model->objects[kind] = g_ptr_array_new_with_free_func(object_free);
        model->hidden[kind] = g_ptr_array_new_with_free_func(object_free);
        model->index[kind] = g_hash_table_new(object_hash, object_equal);
    }
    model->nodes = g_ptr_array_new();
    model->waiting = lost_guests_new();
    model->ears = g_array_new(FALSE, FALSE, sizeof(ModelEar));
    return model;
}

void model_free(Model *model)
{
    if (!model)
        return;
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        g_hash_table_unref(model->index[kind]);
        g_ptr_array_unref(model->objects[kind]);
        g_ptr_array_unref(model->hidden[kind]);
    }
    g_ptr_array_unref(model->nodes);
    g_ptr_array_unref(model->waiting);
    g_array_unref(model->ears);
    g_free(model);
}

void model_listen(Model *model, ModelListener listener, gpointer user)
{
    ModelEar ear = {listener, user};
    g_array_append_val(model->ears, ear);
}

void model_unlisten(Model *model, ModelListener listener, gpointer user)
{
    for (guint i = 0; i < model->ears->len; i++) {
        const ModelEar *ear = &g_array_index(model->ears, ModelEar, i);
        if (ear->listener == listener && ear->user == user) {
            g_array_remove_index(model->ears, i);
            return;
        }
    }
}

void model_tell(const Model *model, ModelChange change, ModelObject *object, guint64 fields)
{
    for (guint i = 0; i < model->ears->len; i++) {
        const ModelEar *ear = &g_array_index(model->ears, ModelEar, i);
        ear->listener(change, object, fields, ear->user);
    }
}

guint64 model_field_bit(ObjectKind kind, const char *name)
{
    int index = model_field_find(kind, name);
    return index < 0 ? 0 : G_GUINT64_CONSTANT(1) << index;
}

/* ---- objects ---- */

gboolean model_make_key(ModelGuest *key, guint node, ObjectKind kind, const char *id)
{
    memset(key, 0, sizeof *key);
    key->base.kind = (guint8)kind;
    key->base.node = (guint16)node;
    if (kind != OBJECT_GUEST) {
        key->base.id = (char *)(gintptr)id;
        return id && *id && strlen(id) < 512;
    }
    GuestKind guest_kind;
    int number;
    if (!guest_id_parse(id, &guest_kind, &number))
        return FALSE;
    key->kind = (guint8)guest_kind;
    key->base.number = (guint32)number;
    return TRUE;
}

ModelObject *model_find(const Model *model, guint node, ObjectKind kind, const char *id)
{
    if (kind == OBJECT_NODE) {
        ModelNode *found = model_node_by_name(model, id);
        return found ? &found->base : NULL;
    }
    ModelGuest key;
    if (!model_make_key(&key, node, kind, id))
        return NULL;
    ModelObject *found = g_hash_table_lookup(model->index[kind], &key);
    if (found)
        return claims_shown(model, found);
    return kind == OBJECT_GUEST ? claims_elsewhere(model, &key) : NULL;
}

ModelGuest *model_find_guest(const Model *model, const char *id)
{
    for (guint node = 0; node < model_node_count(model); node++) {
        ModelObject *found = model_find(model, node, OBJECT_GUEST, id);
        if (found)
            return (ModelGuest *)found;
    }
    return NULL;
}

const GPtrArray *model_objects(const Model *model, ObjectKind kind)
{
    return model->objects[kind];
}

void model_count_guest(Model *model, const ModelObject *object, int sign)
{
    const ModelGuest *guest = (const ModelGuest *)object;
    ModelNode *node = model_node(model, object->node);
    if (object->kind != OBJECT_GUEST || object->hidden || !node)
        return;
    node->guests += sign;
    if (guest->state == GUEST_STATE_RUNNING)
        node->running += sign;
    else if (guest->state == GUEST_STATE_STOPPED || guest->state == GUEST_STATE_SAVED)
        node->stopped += sign;
}

ModelObject *model_object_add(Model *model, const ModelGuest *key)
{
    ObjectKind kind = (ObjectKind)key->base.kind;
    ModelObject *object = g_malloc(model_object_size(kind));
    model_object_init(object, kind);
    object->node = key->base.node;
    object->number = key->base.number;
    if (kind == OBJECT_GUEST)
        ((ModelGuest *)object)->kind = key->kind;
    else
        object->id = g_ref_string_new(key->base.id);
    g_hash_table_add(model->index[kind], object);
    g_ptr_array_add(model->objects[kind], object);
    return object;
}

void model_object_remove(Model *model, ModelObject *object)
{
    claims_stay(model, object);
    object = claims_going(model, object);
    if (!object->hidden)
        model_tell(model, MODEL_GONE, object, 0);
    model_count_guest(model, object, -1);
    g_hash_table_remove(model->index[object->kind], object);
    g_ptr_array_remove_fast(
        object->hidden ? model->hidden[object->kind] : model->objects[object->kind], object);
}

void model_remove_all(Model *model, guint index, gboolean untouched)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        GPtrArray *const lists[] = {model->objects[kind], model->hidden[kind]};
        gboolean kept = kind == OBJECT_NODE || (untouched && kind == OBJECT_EVENT);
        for (guint l = 0; !kept && l < G_N_ELEMENTS(lists); l++)
            for (guint i = lists[l]->len; i-- > 0;) {
                ModelObject *object = i < lists[l]->len ? lists[l]->pdata[i] : NULL;
                if (object && object->node == index && !(untouched && object->touched))
                    model_object_remove(model, object);
            }
    }
}

/* ---- what is asked ---- */

static void count_members(const ModelNode *node, ModelCounts *out)
{
    bool quorate = node->quorate == TRUE;
    if (node->link != MODEL_LINK_UP || !node->cluster || node->cluster_size <= 0)
        return;
    if (out->cluster_size && (out->quorate || (!quorate && node->members <= out->members)))
        return;
    out->members = MAX(node->members, 0);
    out->cluster_size = node->cluster_size;
    out->quorate = quorate;
}

void model_counts(const Model *model, ModelCounts *out)
{
    memset(out, 0, sizeof *out);
    const GPtrArray *nodes = model->objects[OBJECT_NODE];
    out->nodes = nodes->len;
    for (guint i = 0; i < nodes->len; i++) {
        const ModelNode *node = nodes->pdata[i];
        out->nodes_up += node->link == MODEL_LINK_UP;
        out->nodes_ready += node->link == MODEL_LINK_UP && node->ready;
        out->running += (guint)node->running;
        out->stopped += (guint)node->stopped;
        count_members(node, out);
    }
    out->guests = model->objects[OBJECT_GUEST]->len;
    out->other = out->guests - out->running - out->stopped;
    const GPtrArray *alarms = model->objects[OBJECT_ALARM];
    out->alarms = alarms->len;
    for (guint i = 0; i < alarms->len; i++)
        out->errors +=
            g_strcmp0(((const ModelAlarm *)alarms->pdata[i])->severity, "error") == 0;
    const GPtrArray *tasks = model->objects[OBJECT_TASK];
    for (guint i = 0; i < tasks->len; i++) {
        const char *state = ((const ModelTask *)tasks->pdata[i])->state;
        out->tasks += g_strcmp0(state, "running") == 0 || g_strcmp0(state, "queued") == 0;
    }
}

bool model_is_stale(const Model *model, const ModelObject *object, gint64 *since)
{
    const ModelNode *node = model_node(model, object->node);
    gint64 silent = MODEL_UNKNOWN;
    if (node && node->link != MODEL_LINK_UP)
        silent = node->heard;
    else if (object->kind == OBJECT_GUEST)
        silent = ((const ModelGuest *)object)->stale_since;
    else if (object->kind == OBJECT_STORAGE)
        silent = ((const ModelStorage *)object)->stale_since;
    if (silent < 0)
        return false;
    if (since)
        *since = silent;
    return true;
}
