#include "tui/model/model.h"

#include "backend/wire/message.h"

#include <malloc.h>
#include <math.h>
#include <string.h>

/* Limits on what one node may put into the model. */
enum { EVENTS_MAX = 1000, OBJECTS_MAX = 200000 };

typedef struct {
    ModelListener listener;
    gpointer user;
} Ear;

typedef struct {
    gint64 watch; /* 0: none */
    gint64 seq;
    gboolean snapshot; /* it is still coming */
} NodeWatch;

struct Model {
    GPtrArray *objects[OBJECT_KIND_COUNT];
    GHashTable *index[OBJECT_KIND_COUNT]; /* a set of ModelObject, but for nodes */
    NodeWatch watches[MODEL_NODES_MAX];
    GArray *ears;
};

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
        model->index[kind] = g_hash_table_new(object_hash, object_equal);
    }
    model->ears = g_array_new(FALSE, FALSE, sizeof(Ear));
    return model;
}

void model_free(Model *model)
{
    if (!model)
        return;
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        g_hash_table_unref(model->index[kind]);
        g_ptr_array_unref(model->objects[kind]);
    }
    g_array_unref(model->ears);
    g_free(model);
}

void model_listen(Model *model, ModelListener listener, gpointer user)
{
    Ear ear = {listener, user};
    g_array_append_val(model->ears, ear);
}

void model_unlisten(Model *model, ModelListener listener, gpointer user)
{
    for (guint i = 0; i < model->ears->len; i++) {
        const Ear *ear = &g_array_index(model->ears, Ear, i);
        if (ear->listener == listener && ear->user == user) {
            g_array_remove_index(model->ears, i);
            return;
        }
    }
}

static void tell(const Model *model, ModelChange change, ModelObject *object, guint64 fields)
{
    for (guint i = 0; i < model->ears->len; i++) {
        const Ear *ear = &g_array_index(model->ears, Ear, i);
        ear->listener(change, object, fields, ear->user);
    }
}

static guint64 bit(ObjectKind kind, const char *name)
{
    int index = model_field_find(kind, name);
    return index < 0 ? 0 : G_GUINT64_CONSTANT(1) << index;
}

guint model_node_add(Model *model, const char *target)
{
    GPtrArray *nodes = model->objects[OBJECT_NODE];
    g_return_val_if_fail(nodes->len < MODEL_NODES_MAX, 0);
    ModelNode *node = g_new(ModelNode, 1);
    model_object_init(&node->base, OBJECT_NODE);
    node->base.node = (guint16)nodes->len;
    node->target = g_ref_string_new_intern(target);
    node->name = g_ref_string_new_intern(target);
    node->base.id = g_ref_string_new_intern(target);
    g_ptr_array_add(nodes, node);
    tell(model, MODEL_ADDED, &node->base, ~G_GUINT64_CONSTANT(0));
    return node->base.node;
}

guint model_node_count(const Model *model)
{
    return model->objects[OBJECT_NODE]->len;
}

ModelNode *model_node(const Model *model, guint node)
{
    const GPtrArray *nodes = model->objects[OBJECT_NODE];
    return node < nodes->len ? nodes->pdata[node] : NULL;
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

static void put_string(char **member, const char *text)
{
    char *made = text ? g_ref_string_new_intern(text) : NULL;
    if (*member)
        g_ref_string_release(*member);
    *member = made;
}

void model_node_link(Model *model, guint index, ModelLinkState state, const char *trouble)
{
    ModelNode *node = model_node(model, index);
    if (!node || (node->link == state && g_strcmp0(node->trouble, trouble) == 0))
        return;
    node->link = (guint8)state;
    put_string(&node->trouble, trouble);
    if (state == MODEL_LINK_UP)
        node->heard = g_get_real_time() / G_USEC_PER_SEC;
    else
        model->watches[index].watch = 0;
    tell(model, MODEL_CHANGED, &node->base,
         bit(OBJECT_NODE, "link") | bit(OBJECT_NODE, "trouble"));
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
    tell(model, MODEL_CHANGED, &node->base,
         bit(OBJECT_NODE, "name") | bit(OBJECT_NODE, "agent"));
}

void model_watch_begin(Model *model, guint index, gint64 watch)
{
    ModelNode *node = model_node(model, index);
    if (!node)
        return;
    model->watches[index] = (NodeWatch){.watch = watch, .snapshot = TRUE};
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        for (guint i = 0; i < model->objects[kind]->len; i++) {
            ModelObject *object = model->objects[kind]->pdata[i];
            if (object->node == index)
                object->touched = FALSE;
        }
}

/* A key to look up with, in the caller's storage. */
static gboolean make_key(ModelGuest *key, guint node, ObjectKind kind, const char *id)
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
    if (!make_key(&key, node, kind, id))
        return NULL;
    return g_hash_table_lookup(model->index[kind], &key);
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

static void count_guest(Model *model, const ModelGuest *guest, int sign)
{
    ModelNode *node = model_node(model, guest->base.node);
    node->guests += sign;
    if (guest->state == GUEST_STATE_RUNNING)
        node->running += sign;
    else if (guest->state == GUEST_STATE_STOPPED || guest->state == GUEST_STATE_SAVED)
        node->stopped += sign;
}

static ModelObject *object_add(Model *model, const ModelGuest *key)
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
    tell(model, MODEL_GONE, object, 0);
    if (object->kind == OBJECT_GUEST)
        count_guest(model, (ModelGuest *)object, -1);
    g_hash_table_remove(model->index[object->kind], object);
    g_ptr_array_remove_fast(model->objects[object->kind], object);
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
        ModelNode *node = model_node(model, index);
        guint64 fields = model_object_update(&node->base, json);
        if (fields)
            tell(model, MODEL_CHANGED, &node->base, fields);
        return;
    }
    ModelGuest key;
    if (!make_key(&key, index, kind, id))
        return;
    ModelObject *object = g_hash_table_lookup(model->index[kind], &key);
    gboolean fresh = !object;
    if (fresh) {
        if (model->objects[kind]->len >= OBJECTS_MAX)
            return;
        object = object_add(model, &key);
    } else if (kind == OBJECT_GUEST) {
        count_guest(model, (ModelGuest *)object, -1);
    }
    object->touched = TRUE;
    guint64 fields = model_object_update(object, json);
    if (kind == OBJECT_GUEST)
        count_guest(model, (ModelGuest *)object, 1);
    if (fresh)
        tell(model, MODEL_ADDED, object, ~G_GUINT64_CONSTANT(0));
    else if (fields)
        tell(model, MODEL_CHANGED, object, fields);
}

static void apply_gone(Model *model, guint index, const json_t *json)
{
    ObjectKind kind;
    if (!object_kind_from_name(wire_get_string(json, "kind", ""), &kind) || kind == OBJECT_NODE)
        return;
    ModelObject *object = model_find(model, index, kind, wire_get_string(json, "id", NULL));
    if (object)
        object_remove(model, object);
}

/* What the new snapshot did not name went while nobody watched. Events are kept:
 * a snapshot brings only the newest. */
static void sweep(Model *model, guint index)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        if (kind == OBJECT_NODE || kind == OBJECT_EVENT)
            continue;
        for (guint i = model->objects[kind]->len; i-- > 0;) {
            ModelObject *object = model->objects[kind]->pdata[i];
            if (object->node == index && !object->touched)
                object_remove(model, object);
        }
    }
}

/* The oldest events make room; their ids sort by time. */
static void limit_events(Model *model)
{
    GPtrArray *events = model->objects[OBJECT_EVENT];
    while (events->len > EVENTS_MAX) {
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
        tell(model, MODEL_CHANGED, &node->base, bit(OBJECT_NODE, "link"));
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
    out->nodes = model_node_count(model);
    for (guint i = 0; i < out->nodes; i++) {
        const ModelNode *node = model_node(model, i);
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
