#include "tui/model/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int order_compare_text(const char *a, const char *b)
{
    while (*a && *b) {
        if (g_ascii_isdigit(*a) && g_ascii_isdigit(*b)) {
            while (*a == '0' && g_ascii_isdigit(a[1]))
                a++;
            while (*b == '0' && g_ascii_isdigit(b[1]))
                b++;
            size_t x = 0, y = 0;
            while (g_ascii_isdigit(a[x]))
                x++;
            while (g_ascii_isdigit(b[y]))
                y++;
            if (x != y)
                return x < y ? -1 : 1;
            int order = memcmp(a, b, x);
            if (order)
                return order;
            a += x;
            b += y;
            continue;
        }
        int difference = (guchar)g_ascii_tolower(*a) - (guchar)g_ascii_tolower(*b);
        if (difference)
            return difference;
        a++;
        b++;
    }
    return (guchar)*a - (guchar)*b;
}

int order_compare_ids(const ModelObject *a, const ModelObject *b)
{
    if (a->kind == OBJECT_GUEST) {
        if (a->number != b->number)
            return a->number < b->number ? -1 : 1;
        int kinds = ((const ModelGuest *)a)->kind - ((const ModelGuest *)b)->kind;
        if (kinds)
            return kinds;
    } else {
        int order = order_compare_text(a->id ? a->id : "", b->id ? b->id : "");
        if (order)
            return order;
    }
    return (int)a->node - (int)b->node;
}

/* What a row is compared by, worked out once a row and not once a comparison: nearly all
 * is decided by two numbers. */
typedef struct {
    guint64 key; /* of the field: the number, or how the text begins; unknown is last */
    guint64 tie; /* of a guest: its id */
    guint place; /* among the objects */
    guint rest;  /* where the rest of the text's key stands */
} Row;

typedef struct {
    const GPtrArray *objects;
    bool descending;
    const char *keys; /* where the rests stand */
} Rule;

enum { BEGIN = sizeof(guint64), COUNT_MAX = 250 };

static const guint64 unknown = G_MAXUINT64;

/* Bytes that strcmp() puts in the order of order_compare_text(): letters are small, and a
 * number is '0', how many digits it has, and these. */
static void append_text_key(GString *keys, const char *text)
{
    while (*text) {
        if (!g_ascii_isdigit(*text)) {
            g_string_append_c(keys, g_ascii_tolower(*text++));
            continue;
        }
        while (*text == '0' && g_ascii_isdigit(text[1]))
            text++;
        size_t digits = 0;
        while (g_ascii_isdigit(text[digits]))
            digits++;
        g_string_append_c(keys, '0');
        size_t count = digits;
        for (; count > COUNT_MAX; count -= COUNT_MAX)
            g_string_append_c(keys, (char)(COUNT_MAX + 1));
        g_string_append_c(keys, (char)count);
        g_string_append_len(keys, text, (gssize)digits);
        text += digits;
    }
}

/* The first bytes become a number of that order; what is longer stays in keys. */
static void set_text_key(Row *row, const char *text, GString *keys)
{
    size_t start = keys->len, length;
    append_text_key(keys, text);
    length = keys->len - start;
    row->key = 0;
    for (size_t i = 0; i < BEGIN; i++)
        row->key = row->key << 8 | (i < length ? (guchar)keys->str[start + i] : 0);
    if (length > BEGIN) {
        row->rest = (guint)(start + BEGIN);
        g_string_append_c(keys, '\0');
    } else {
        g_string_truncate(keys, start);
    }
}

/* A double's bits in the order of its values. */
static guint64 number_key(double number)
{
    const guint64 sign = G_GUINT64_CONSTANT(1) << 63;
    guint64 bits;
    number += 0.0; /* there is one zero only */
    memcpy(&bits, &number, sizeof bits);
    return bits & sign ? ~bits : bits | sign;
}

static guint64 id_key(const ModelObject *object)
{
    if (object->kind != OBJECT_GUEST)
        return 0;
    return (guint64)object->number << 32 | (guint64)((const ModelGuest *)object)->kind << 16 |
           object->node;
}

static int compare_ids(const Row *a, const Row *b, const Rule *rule)
{
    if (a->tie != b->tie)
        return a->tie < b->tie ? -1 : 1;
    return order_compare_ids(rule->objects->pdata[a->place], rule->objects->pdata[b->place]);
}

static int compare_rows(gconstpointer left, gconstpointer right, gpointer data)
{
    const Row *a = left, *b = right;
    const Rule *rule = data;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->rest != b->rest) {
        int order = strcmp(rule->keys + a->rest, rule->keys + b->rest);
        if (order)
            return rule->descending ? -order : order;
    }
    return compare_ids(a, b, rule);
}

static int compare_rows_by_id(gconstpointer left, gconstpointer right, gpointer data)
{
    const Rule *rule = data;
    int order = compare_ids(left, right, rule);
    return rule->descending ? -order : order;
}

/* The key of what is known is turned round to descend; ids still ascend among equals. */
static void set_key(Row *row, const Model *model, const ModelField *field,
                    const ModelObject *object, GString *keys, bool descending)
{
    if (model_field_is_number(field) || field->meaning == MEANS_CLOCK) {
        double number = model_field_number(model, field, object);
        /* An age grows as its time shrinks: the longest first is what people mean. */
        row->key = number_key(field->meaning == MEANS_SINCE ? -number : number);
        if (isnan(number)) {
            row->key = unknown;
            return;
        }
    } else {
        const char *text = model_field_text(model, field, object);
        if (!*text) {
            row->key = unknown;
            return;
        }
        set_text_key(row, text, keys);
    }
    if (descending)
        row->key = ~row->key;
}

void order_sort(const Model *model, ObjectKind kind, int index, bool descending,
                const GPtrArray *objects, guint *places)
{
    const ModelField *field = index >= 0 ? &model_fields(kind)[index] : NULL;
    bool by_id = !field || field->meaning == MEANS_ID;
    g_autofree Row *rows = g_new(Row, objects->len);
    g_autoptr(GString) keys = g_string_new(NULL);
    g_string_append_c(keys, '\0'); /* the rest of a text that has none */
    for (guint i = 0; i < objects->len; i++) {
        const ModelObject *object = objects->pdata[i];
        rows[i] = (Row){.place = i, .tie = id_key(object)};
        if (!by_id)
            set_key(&rows[i], model, field, object, keys, descending);
    }
    Rule rule = {objects, descending, keys->str};
    g_qsort_with_data(rows, (gint)objects->len, sizeof *rows,
                      by_id ? compare_rows_by_id : compare_rows, &rule);
    for (guint i = 0; i < objects->len; i++)
        places[i] = rows[i].place;
}
