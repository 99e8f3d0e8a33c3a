#include "backend/guest/move_offer.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum { WORD_MAX = 255, PATH_BYTES = 4095, TOKEN_MAX = 128, OBSTACLES_MAX = 256 };

static const char *const modes[] = {"live", "offline", "restart"};

const char *move_mode_name(MoveMode mode)
{
    return (unsigned)mode < MOVE_MODE_COUNT ? modes[mode] : "?";
}

gboolean move_mode_from_name(const char *name, MoveMode *out)
{
    for (int i = 0; name && i < MOVE_MODE_COUNT; i++)
        if (strcmp(modes[i], name) == 0) {
            *out = (MoveMode)i;
            return TRUE;
        }
    return FALSE;
}

/* ---- making and freeing ---- */

static void disk_free(gpointer data)
{
    MoveDisk *disk = data;
    g_free(disk->target);
    g_free(disk->path);
    g_free(disk->format);
    g_free(disk->probe);
    g_free(disk->token);
    g_free(disk);
}

MoveOffer *move_offer_new(void)
{
    MoveOffer *offer = g_new0(MoveOffer, 1);
    offer->disks = g_ptr_array_new_with_free_func(disk_free);
    return offer;
}

void move_offer_free(MoveOffer *offer)
{
    if (!offer)
        return;
    g_free(offer->id);
    g_free(offer->name);
    g_free(offer->native);
    g_free(offer->from);
    g_free(offer->storage);
    g_free(offer->definition);
    g_free(offer->live);
    g_free(offer->lxc);
    json_decref(offer->document);
    g_ptr_array_unref(offer->disks);
    g_free(offer);
}

MoveDisk *move_offer_add_disk(MoveOffer *offer)
{
    MoveDisk *disk = g_new0(MoveDisk, 1);
    g_ptr_array_add(offer->disks, disk);
    return disk;
}

/* ---- the offer as text ---- */

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, wire_string(text));
}

static json_t *disk_json(const MoveDisk *disk)
{
    json_t *object = json_pack("{s:I,s:I,s:b}", "size", (json_int_t)disk->size, "allocation",
                               (json_int_t)disk->allocation, "readonly", disk->readonly);
    set_text(object, "target", disk->target);
    set_text(object, "path", disk->path);
    set_text(object, "format", disk->format);
    set_text(object, "probe", disk->probe);
    set_text(object, "token", disk->token);
    return object;
}

char *move_offer_text(const MoveOffer *offer)
{
    json_t *disks = json_array();
    for (guint i = 0; i < offer->disks->len; i++)
        json_array_append_new(disks, disk_json(offer->disks->pdata[i]));
    g_autoptr(json_t) object = json_pack(
        "{s:s,s:i,s:s,s:b,s:b,s:b,s:b,s:I,s:o}", "kind", guest_kind_name(offer->kind), "number",
        offer->number, "mode", move_mode_name(offer->mode), "with_disks", offer->with_disks,
        "paused", offer->paused, "persistent", offer->persistent, "autostart", offer->autostart,
        "memory", (json_int_t)offer->memory, "disks", disks);
    set_text(object, "id", offer->id);
    set_text(object, "name", offer->name);
    set_text(object, "native", offer->native);
    set_text(object, "from", offer->from);
    set_text(object, "storage", offer->storage);
    set_text(object, "definition", offer->definition);
    set_text(object, "live", offer->live);
    set_text(object, "lxc", offer->lxc);
    json_object_set_new(object, "libvirt", json_integer((json_int_t)offer->libvirt));
    json_object_set_new(object, "qemu", json_integer((json_int_t)offer->qemu));
    json_object_set_new(object, "cgroup_v2", json_boolean(offer->cgroup_v2));
    json_object_set_new(object, "document",
                        offer->document ? json_deep_copy(offer->document) : json_object());
    char *dumped = json_dumps(object, WIRE_DUMP);
    char *text = g_strdup(dumped);
    free(dumped);
    return text;
}

/* ---- reading what another node wrote ---- */

static gboolean wrong(GError **error, const char *what)
{
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "offer",
                         "the offer of the other node makes no sense: %s", what);
    return FALSE;
}

static gboolean is_word(const char *text)
{
    return text && *text && strlen(text) <= WORD_MAX && !strchr(text, '/') &&
           strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static gboolean is_path(const char *text)
{
    return text && *text == '/' && strlen(text) <= PATH_BYTES && !strstr(text, "/../") &&
           !g_str_has_suffix(text, "/..") && !strchr(text, '\n');
}

static gboolean is_token(const char *text)
{
    return strlen(text) <= TOKEN_MAX && strspn(text, "0123456789abcdef") == strlen(text);
}

static gboolean read_size(const json_t *object, const char *key, guint64 *out)
{
    gint64 value = wire_get_integer(object, key, -1);
    *out = (guint64)MAX(value, 0);
    return value >= 0;
}

static gboolean read_disk(MoveOffer *offer, const json_t *object, GError **error)
{
    const char *target = wire_get_string(object, "target", NULL);
    const char *path = wire_get_string(object, "path", NULL);
    const char *format = wire_get_string(object, "format", NULL);
    const char *probe = wire_get_string(object, "probe", NULL);
    const char *token = wire_get_string(object, "token", NULL);
    if (!is_word(target) || !is_path(path) || !is_word(format))
        return wrong(error, "a disk without target, path or format");
    if (!probe != !token || (probe && (!is_path(probe) || !is_token(token))))
        return wrong(error, "a probe that is none");
    for (guint i = 0; i < offer->disks->len; i++)
        if (strcmp(((const MoveDisk *)offer->disks->pdata[i])->target, target) == 0)
            return wrong(error, "two disks of one name");
    MoveDisk *disk = move_offer_add_disk(offer);
    disk->target = g_strdup(target);
    disk->path = g_strdup(path);
    disk->format = g_strdup(format);
    disk->probe = g_strdup(probe);
    disk->token = g_strdup(token);
    disk->readonly = wire_get_boolean(object, "readonly", FALSE);
    return (read_size(object, "size", &disk->size) &&
            read_size(object, "allocation", &disk->allocation)) ||
           wrong(error, "a disk without a size");
}

static gboolean read_disks(MoveOffer *offer, const json_t *list, GError **error)
{
    if (!json_is_array(list) || json_array_size(list) > MOVE_DISKS_MAX)
        return wrong(error, "no disks, or too many");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!read_disk(offer, json_array_get(list, i), error))
            return FALSE;
    return TRUE;
}

static gboolean read_words(MoveOffer *offer, const json_t *object, GError **error)
{
    const char *id = wire_get_string(object, "id", NULL);
    const char *name = wire_get_string(object, "name", NULL);
    const char *native = wire_get_string(object, "native", NULL);
    const char *from = wire_get_string(object, "from", NULL);
    const char *storage = wire_get_string(object, "storage", NULL);
    const char *definition = wire_get_string(object, "definition", NULL);
    if (!is_word(id) || !is_word(name) || !is_word(from) || (storage && !is_word(storage)))
        return wrong(error, "a name that is none");
    if (!definition || (offer->kind == GUEST_KIND_VM ? !is_word(native) : !is_path(native)))
        return wrong(error, "no definition, or no native identifier");
    offer->id = g_strdup(id);
    offer->name = g_strdup(name);
    offer->native = g_strdup(native);
    offer->from = g_strdup(from);
    offer->storage = g_strdup(storage);
    /* An older agent does not tell of versions: then they are not compared. */
    const char *lxc = wire_get_string(object, "lxc", NULL);
    offer->lxc = lxc && is_word(lxc) ? g_strdup(lxc) : NULL;
    (void)read_size(object, "libvirt", &offer->libvirt);
    (void)read_size(object, "qemu", &offer->qemu);
    offer->cgroup_v2 = wire_get_boolean(object, "cgroup_v2", FALSE);
    offer->definition = g_strdup(definition);
    offer->live = g_strdup(wire_get_string(object, "live", NULL));
    return TRUE;
}

MoveOffer *move_offer_parse(const char *text, size_t length, GError **error)
{
    g_autoptr(json_t) object = length <= MOVE_OFFER_MAX
                                   ? json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL)
                                   : NULL;
    g_autoptr(MoveOffer) offer = move_offer_new();
    gint64 number = wire_get_integer(object, "number", 0);
    const json_t *document = json_object_get(object, "document");
    if (!json_is_object(object)) {
        wrong(error, "it is no JSON object");
        return NULL;
    }
    if (!guest_kind_from_name(wire_get_string(object, "kind", NULL), &offer->kind) ||
        !move_mode_from_name(wire_get_string(object, "mode", NULL), &offer->mode) ||
        number < GUEST_NUMBER_MIN || number > GUEST_NUMBER_MAX ||
        (document && !json_is_object(document)) ||
        !read_size(object, "memory", &offer->memory)) {
        wrong(error, "kind, number, mode, memory or document");
        return NULL;
    }
    offer->number = (int)number;
    offer->with_disks = wire_get_boolean(object, "with_disks", FALSE);
    offer->paused = wire_get_boolean(object, "paused", FALSE);
    offer->persistent = wire_get_boolean(object, "persistent", TRUE);
    offer->autostart = wire_get_boolean(object, "autostart", FALSE);
    offer->document = document ? json_deep_copy(document) : json_object();
    if (!read_words(offer, object, error) ||
        !read_disks(offer, json_object_get(object, "disks"), error))
        return NULL;
    return g_steal_pointer(&offer);
}

/* ---- the verdict ---- */

static void obstacle_free(gpointer data)
{
    MoveObstacle *obstacle = data;
    g_free(obstacle->text);
    g_free(obstacle->fix);
    g_free(obstacle);
}

static void place_free(gpointer data)
{
    MovePlace *place = data;
    g_free(place->target);
    g_free(place->path);
    g_free(place);
}

MoveVerdict *move_verdict_new(void)
{
    MoveVerdict *verdict = g_new0(MoveVerdict, 1);
    verdict->obstacles = g_ptr_array_new_with_free_func(obstacle_free);
    verdict->places = g_ptr_array_new_with_free_func(place_free);
    return verdict;
}

void move_verdict_free(MoveVerdict *verdict)
{
    if (!verdict)
        return;
    g_ptr_array_unref(verdict->obstacles);
    g_ptr_array_unref(verdict->places);
    g_free(verdict);
}

void move_verdict_add(MoveVerdict *verdict, const char *fix, const char *format, ...)
{
    va_list arguments;
    MoveObstacle *obstacle = g_new0(MoveObstacle, 1);
    va_start(arguments, format);
    obstacle->text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    obstacle->fix = g_strdup(fix);
    g_ptr_array_add(verdict->obstacles, obstacle);
}

void move_verdict_place(MoveVerdict *verdict, const char *target, gboolean copy,
                        const char *path)
{
    MovePlace *place = g_new0(MovePlace, 1);
    *place = (MovePlace){g_strdup(target), copy, g_strdup(path)};
    g_ptr_array_add(verdict->places, place);
}

const MovePlace *move_verdict_find(const MoveVerdict *verdict, const char *target)
{
    for (guint i = 0; i < verdict->places->len; i++) {
        const MovePlace *place = verdict->places->pdata[i];
        if (g_strcmp0(place->target, target) == 0)
            return place;
    }
    return NULL;
}

guint64 move_verdict_bytes(const MoveVerdict *verdict, const MoveOffer *offer)
{
    guint64 bytes = 0;
    for (guint i = 0; i < offer->disks->len; i++) {
        const MoveDisk *disk = offer->disks->pdata[i];
        const MovePlace *place = move_verdict_find(verdict, disk->target);
        if (place && place->copy)
            bytes += disk->allocation;
    }
    return bytes;
}

gboolean move_verdict_is_shared(const MoveVerdict *verdict)
{
    for (guint i = 0; i < verdict->places->len; i++)
        if (((const MovePlace *)verdict->places->pdata[i])->copy)
            return FALSE;
    return TRUE;
}

json_t *move_verdict_json(const MoveVerdict *verdict)
{
    json_t *obstacles = json_array(), *places = json_array();
    for (guint i = 0; i < verdict->obstacles->len; i++) {
        const MoveObstacle *obstacle = verdict->obstacles->pdata[i];
        json_array_append_new(obstacles,
                              json_pack("{s:o,s:o}", "text", wire_string(obstacle->text), "fix",
                                        wire_string(obstacle->fix)));
    }
    for (guint i = 0; i < verdict->places->len; i++) {
        const MovePlace *place = verdict->places->pdata[i];
        json_array_append_new(places,
                              json_pack("{s:o,s:b,s:o}", "target", wire_string(place->target),
                                        "copy", place->copy, "path", wire_string(place->path)));
    }
    return json_pack("{s:o,s:o}", "obstacles", obstacles, "disks", places);
}

MoveVerdict *move_verdict_parse(const json_t *json, GError **error)
{
    const json_t *obstacles = json_object_get(json, "obstacles");
    const json_t *places = json_object_get(json, "disks");
    g_autoptr(MoveVerdict) verdict = move_verdict_new();
    if (!json_is_array(obstacles) || !json_is_array(places) ||
        json_array_size(obstacles) > OBSTACLES_MAX ||
        json_array_size(places) > MOVE_DISKS_MAX) {
        wire_error_set(error, WIRE_ERROR_PARSE, "the other node's verdict is none");
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(obstacles); i++) {
        const json_t *one = json_array_get(obstacles, i);
        move_verdict_add(verdict, wire_get_string(one, "fix", ""), "%s",
                         wire_get_string(one, "text", "?"));
    }
    for (size_t i = 0; i < json_array_size(places); i++) {
        const json_t *one = json_array_get(places, i);
        const char *target = wire_get_string(one, "target", NULL);
        const char *path = wire_get_string(one, "path", NULL);
        if (!is_word(target) || !is_path(path)) {
            wire_error_set(error, WIRE_ERROR_PARSE, "the other node's verdict names no disk");
            return NULL;
        }
        move_verdict_place(verdict, target, wire_get_boolean(one, "copy", FALSE), path);
    }
    return g_steal_pointer(&verdict);
}

gboolean move_verdict_allows(const MoveVerdict *verdict, const char *what, GError **error)
{
    if (verdict->obstacles->len == 0)
        return TRUE;
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < verdict->obstacles->len; i++) {
        const MoveObstacle *obstacle = verdict->obstacles->pdata[i];
        g_string_append_printf(text, "%s%s%s%s%s", i ? "; " : "", obstacle->text,
                               *obstacle->fix ? " (" : "", obstacle->fix,
                               *obstacle->fix ? ")" : "");
    }
    wire_error_set(error, WIRE_ERROR_STATE, "%s: %s", what, text->str);
    return FALSE;
}
