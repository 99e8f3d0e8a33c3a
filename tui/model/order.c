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

/* Keys are worked out once a row, not once a comparison. */
typedef struct {
    ModelObject *object;
    double number;
    const char *text;
} Row;

typedef struct {
    bool numeric, descending, by_id;
} Rule;

static int compare_rows(gconstpointer left, gconstpointer right, gpointer data)
{
    const Row *a = left, *b = right;
    const Rule *rule = data;
    if (rule->by_id) {
        int order = order_compare_ids(a->object, b->object);
        return rule->descending ? -order : order;
    }
    int order = 0;
    if (rule->numeric) {
        bool lost_a = isnan(a->number), lost_b = isnan(b->number);
        if (lost_a || lost_b)
            order = (lost_a - lost_b) * (rule->descending ? -1 : 1);
        else if (a->number != b->number)
            order = a->number < b->number ? -1 : 1;
    } else if (a->text != b->text) {
        bool lost_a = !*a->text, lost_b = !*b->text;
        if (lost_a || lost_b)
            order = (lost_a - lost_b) * (rule->descending ? -1 : 1);
        else
            order = order_compare_text(a->text, b->text);
    }
    if (order)
        return rule->descending ? -order : order;
    return order_compare_ids(a->object, b->object);
}

void order_sort(const Model *model, ObjectKind kind, int index, bool descending,
                gpointer *objects, guint count)
{
    const ModelField *field = index >= 0 ? &model_fields(kind)[index] : NULL;
    Rule rule = {.descending = descending, .by_id = !field || field->meaning == MEANS_ID};
    rule.numeric = field && (model_field_is_number(field) || field->meaning == MEANS_CLOCK);
    /* An age grows as its time shrinks: the longest first is what people mean. */
    double sign = field && field->meaning == MEANS_SINCE ? -1 : 1;
    if (count < 2)
        return;
    g_autofree Row *rows = g_new(Row, count);
    for (guint i = 0; i < count; i++) {
        rows[i] = (Row){.object = objects[i], .text = ""};
        if (rule.by_id)
            continue;
        if (rule.numeric)
            rows[i].number = sign * model_field_number(model, field, objects[i]);
        else
            rows[i].text = model_field_text(model, field, objects[i]);
    }
    g_qsort_with_data(rows, (gint)count, sizeof *rows, compare_rows, &rule);
    for (guint i = 0; i < count; i++)
        objects[i] = rows[i].object;
}
