#include "tui/model/claims.h"

#include <string.h>

enum { SAME_EVENT = 15 /* s between two nodes that tell of it */ };

/* A cluster's name is interned: equal ones are one. */
static const char *cluster_of(const Model *model, guint node)
{
    const ModelNode *at = model_node(model, node);
    return at ? at->cluster : NULL;
}

/* Can several nodes tell of it? Alarms of the cluster about others, and guests. */
static bool is_shared(const ModelObject *object)
{
    return object->kind == OBJECT_GUEST ||
           (object->kind == OBJECT_ALARM && (g_str_has_prefix(object->id, "cluster/node/") ||
                                             g_str_has_prefix(object->id, "cluster/link/")));
}

static bool is_same(const ModelObject *a, const ModelObject *b)
{
    if (a->kind != OBJECT_GUEST)
        return true; /* found by its id */
    const ModelGuest *x = (const ModelGuest *)a, *y = (const ModelGuest *)b;
    return x->native && x->native == y->native;
}

/* What that node claims about the same, or NULL. */
static ModelObject *claim_of(const Model *model, guint node, const ModelObject *object)
{
    ModelGuest key = {.base = *object};
    key.base.node = (guint16)node;
    if (object->kind == OBJECT_GUEST)
        key.kind = ((const ModelGuest *)object)->kind;
    ModelObject *found = g_hash_table_lookup(model->index[object->kind], &key);
    return found && is_same(object, found) ? found : NULL;
}

static int rank_of(const Model *model, const ModelObject *object)
{
    const ModelNode *node = model_node(model, object->node);
    int reached = node && node->link == MODEL_LINK_UP ? 8 : 0;
    if (object->leaving)
        return -1;
    if (object->kind != OBJECT_GUEST)
        return reached;
    switch ((GuestState)((const ModelGuest *)object)->state) {
    case GUEST_STATE_RUNNING:
        return reached + 3;
    case GUEST_STATE_UNKNOWN:
        return reached;
    case GUEST_STATE_STOPPED:
    case GUEST_STATE_SAVED:
        return reached + 1;
    default:
        return reached + 2;
    }
}

typedef bool (*Wanted)(const ModelObject *claim);

static bool is_visible(const ModelObject *claim)
{
    return !claim->hidden;
}

static bool is_hidden(const ModelObject *claim)
{
    return claim->hidden;
}

/* The best other claim about the same that is wanted, or NULL. */
static ModelObject *other_claim(const Model *model, const ModelObject *object, Wanted wanted)
{
    const char *cluster = is_shared(object) ? cluster_of(model, object->node) : NULL;
    ModelObject *best = NULL;
    for (guint node = 0; cluster && node < model->nodes->len; node++) {
        if (node == object->node || cluster_of(model, node) != cluster)
            continue;
        ModelObject *claim = claim_of(model, node, object);
        if (claim && wanted(claim) && (!best || rank_of(model, claim) > rank_of(model, best)))
            best = claim;
    }
    return best;
}

/* From one list to the other, without freeing it. */
static void move(GPtrArray *from, GPtrArray *to, ModelObject *object)
{
    guint at;
    if (g_ptr_array_find(from, object, &at))
        (void)g_ptr_array_steal_index_fast(from, at);
    g_ptr_array_add(to, object);
}

static void hide(Model *model, ModelObject *object)
{
    model_count_guest(model, object, -1);
    object->hidden = TRUE;
    move(model->objects[object->kind], model->hidden[object->kind], object);
}

static void unhide(Model *model, ModelObject *object)
{
    object->hidden = FALSE;
    move(model->hidden[object->kind], model->objects[object->kind], object);
    model_count_guest(model, object, 1);
}

/* The hidden claim becomes what is shown, in the shown one's place. */
static void take_place(Model *model, ModelObject *shown, ModelObject *hidden)
{
    ModelAny kept;
    size_t size = model_object_size((ObjectKind)shown->kind);
    GHashTable *index = model->index[shown->kind];
    model_count_guest(model, shown, -1);
    g_hash_table_steal(index, shown);
    g_hash_table_steal(index, hidden);
    memcpy(&kept, shown, size);
    memcpy(shown, hidden, size);
    memcpy(hidden, &kept, size);
    shown->hidden = FALSE;
    hidden->hidden = TRUE;
    g_hash_table_add(index, shown);
    g_hash_table_add(index, hidden);
    model_count_guest(model, shown, 1);
}

gboolean claims_added(Model *model, ModelObject *object)
{
    ModelObject *shown = other_claim(model, object, is_visible);
    if (!shown)
        return TRUE;
    hide(model, object);
    if (rank_of(model, object) > rank_of(model, shown)) {
        take_place(model, shown, object);
        model_tell(model, MODEL_CHANGED, shown, ~G_GUINT64_CONSTANT(0));
        /* The two have changed their contents. */
        if (object->leaving)
            model_object_remove(model, object);
    }
    return FALSE;
}

gboolean claims_changed(Model *model, ModelObject *object)
{
    ModelObject *shown = object->hidden ? other_claim(model, object, is_visible) : object;
    ModelObject *hidden = object->hidden ? object : other_claim(model, object, is_hidden);
    if (!shown || !hidden || rank_of(model, hidden) <= rank_of(model, shown))
        return !object->hidden;
    take_place(model, shown, hidden);
    model_tell(model, MODEL_CHANGED, shown, ~G_GUINT64_CONSTANT(0));
    return FALSE;
}

/* By a task that its node has told of. */
static bool is_migrated(const Model *model, const ModelObject *object)
{
    const ModelGuest *guest = (const ModelGuest *)object;
    ModelGuest key;
    if (object->kind != OBJECT_GUEST ||
        !model_make_key(&key, object->node, OBJECT_TASK, guest->task))
        return false;
    const ModelTask *task = g_hash_table_lookup(model->index[OBJECT_TASK], &key);
    return task && g_strcmp0(task->method, "guest.migrate") == 0;
}

gboolean claims_leave(Model *model, ModelObject *object)
{
    if (object->hidden || object->leaving || !cluster_of(model, object->node) ||
        !is_migrated(model, object) || other_claim(model, object, is_hidden))
        return FALSE;
    object->leaving = TRUE;
    model->leaving++;
    model->leave_by = g_get_monotonic_time() + (gint64)CLAIMS_LEAVE_S * G_USEC_PER_SEC;
    return TRUE;
}

void claims_stay(Model *model, ModelObject *object)
{
    model->leaving -= object->leaving;
    object->leaving = FALSE;
}

void model_expire(Model *model, gint64 now)
{
    const GPtrArray *guests = model->objects[OBJECT_GUEST];
    if (model->leaving == 0 || now < model->leave_by)
        return;
    for (guint i = guests->len; i-- > 0;)
        if (i < guests->len && ((ModelObject *)guests->pdata[i])->leaving)
            model_object_remove(model, guests->pdata[i]);
}

ModelObject *claims_going(Model *model, ModelObject *object)
{
    ModelObject *next = object->hidden ? NULL : other_claim(model, object, is_hidden);
    if (!next)
        return object;
    take_place(model, object, next);
    model_tell(model, MODEL_CHANGED, object, ~G_GUINT64_CONSTANT(0));
    return next;
}

/* One that was alone finds another of its cluster, or is better now, or worse. */
static void review_shown(Model *model, ModelObject *object)
{
    ModelObject *other = other_claim(model, object, is_visible);
    if (!other) {
        (void)claims_changed(model, object);
        return;
    }
    ModelObject *worse = rank_of(model, other) >= rank_of(model, object) ? object : other;
    model_tell(model, MODEL_GONE, worse, 0);
    hide(model, worse);
}

/* Whom it was hidden behind may be in another cluster now. */
static void review_hidden(Model *model, ModelObject *object)
{
    if (other_claim(model, object, is_visible)) {
        (void)claims_changed(model, object);
        return;
    }
    unhide(model, object);
    model_tell(model, MODEL_ADDED, object, ~G_GUINT64_CONSTANT(0));
}

void claims_review(Model *model, guint node)
{
    static const ObjectKind kinds[] = {OBJECT_GUEST, OBJECT_ALARM};
    for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
        const GPtrArray *hidden = model->hidden[kinds[k]], *shown = model->objects[kinds[k]];
        /* Backwards: both lists may lose the one that is looked at. */
        for (guint i = hidden->len; i-- > 0;)
            if (i < hidden->len)
                review_hidden(model, hidden->pdata[i]);
        for (guint i = shown->len; i-- > 0;)
            if (i < shown->len && ((ModelObject *)shown->pdata[i])->node == node)
                review_shown(model, shown->pdata[i]);
    }
}

ModelObject *claims_shown(const Model *model, ModelObject *object)
{
    ModelObject *shown = object->hidden ? other_claim(model, object, is_visible) : NULL;
    return shown ? shown : object;
}

ModelObject *claims_elsewhere(const Model *model, const ModelGuest *key)
{
    const char *cluster = cluster_of(model, key->base.node);
    for (guint node = 0; cluster && node < model->nodes->len; node++) {
        ModelGuest there = *key;
        there.base.node = (guint16)node;
        ModelObject *found = cluster_of(model, node) == cluster
                                 ? g_hash_table_lookup(model->index[OBJECT_GUEST], &there)
                                 : NULL;
        if (found && !found->hidden)
            return found;
    }
    return NULL;
}

/* ---- events ---- */

static bool is_about_cluster(const Model *model, const ModelEvent *event)
{
    return event->object &&
           (strcmp(event->object, "cluster") == 0 || model_node_by_name(model, event->object));
}

gboolean claims_is_told(const Model *model, ModelEvent *event)
{
    const GPtrArray *events = model->objects[OBJECT_EVENT];
    if (!cluster_of(model, event->base.node) || !is_about_cluster(model, event))
        return FALSE;
    for (guint i = 0; i < events->len; i++) {
        ModelEvent *other = events->pdata[i];
        double between = other->time - event->time;
        if (other->base.node == event->base.node || other->object != event->object ||
            other->text != event->text || between > SAME_EVENT || between < -SAME_EVENT)
            continue;
        /* Only where it was asked for is it known who asked. */
        if (!other->who && event->who)
            other->who = g_ref_string_acquire(event->who);
        return TRUE;
    }
    return FALSE;
}
