#include "tui/model/model.h"

#include "tui/model/claims.h"
#include "tui/model/lost_guests.h"

#include "backend/wire/message.h"

#include <malloc.h>
#include <math.h>
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

static void show_link(Model *model, ModelNode *node, ModelLinkState state, const char *trouble)
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
    show_link(model, node, state, trouble);
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
        show_link(model, node, tries ? MODEL_LINK_DOWN : (ModelLinkState)node->link,
                  tries ? trouble : node->trouble);
        return;
    }
    /* The watch goes on: the node may be well, and cut off from the others only. */
    node->lost = TRUE;
    show_link(model, node, MODEL_LINK_DOWN, trouble);
}

void model_recall(Model *model, guint teller, const json_t *guest)
{
    lost_guests_told(model, teller, guest);
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

static void object_remove(Model *model, ModelObject *object)
{
    object = claims_going(model, object);
    if (!object->hidden)
        model_tell(model, MODEL_GONE, object, 0);
    model_count_guest(model, object, -1);
    g_hash_table_remove(model->index[object->kind], object);
    g_ptr_array_remove_fast(
        object->hidden ? model->hidden[object->kind] : model->objects[object->kind], object);
}

static void remove_all(Model *model, guint index, gboolean untouched)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        GPtrArray *const lists[] = {model->objects[kind], model->hidden[kind]};
        gboolean kept = kind == OBJECT_NODE || (untouched && kind == OBJECT_EVENT);
        for (guint l = 0; !kept && l < G_N_ELEMENTS(lists); l++)
            for (guint i = lists[l]->len; i-- > 0;) {
                ModelObject *object = i < lists[l]->len ? lists[l]->pdata[i] : NULL;
                if (object && object->node == index && !(untouched && object->touched))
                    object_remove(model, object);
            }
    }
}

void model_node_remove(Model *model, guint index)
{
    ModelNode *node = model_node(model, index);
    if (!node)
        return;
    remove_all(model, index, FALSE);
    lost_guests_forget(model, index);
    model_tell(model, MODEL_GONE, &node->base, 0);
    model->nodes->pdata[index] = NULL;
    model->watches[index] = (NodeWatch){0};
    g_ptr_array_remove(model->objects[OBJECT_NODE], node);
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
    if (object)
        object_remove(model, object);
}

/* What the new snapshot did not name went while nobody watched. Events are kept:
 * a snapshot brings only the newest. */
static void sweep(Model *model, guint index)
{
    remove_all(model, index, TRUE);
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
        object_remove(model, oldest);
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
        show_link(model, node, MODEL_LINK_UP, NULL);
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
