#include "backend/guest/driver.h"

/* FNV-1a. */
guint64 guest_definition_hash(const char *text, size_t length)
{
    guint64 hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (guchar)text[i]) * 0x100000001b3;
    return hash ? hash : 1;
}

void guest_summary_free(GuestSummary *summary)
{
    if (!summary)
        return;
    g_free(summary->native);
    g_free(summary->name);
    g_free(summary->reason);
    g_strfreev(summary->addresses);
    g_free(summary);
}

GuestSummary *guest_summary_copy(const GuestSummary *summary)
{
    GuestSummary *copy = g_memdup2(summary, sizeof *summary);
    copy->native = g_strdup(summary->native);
    copy->name = g_strdup(summary->name);
    copy->reason = g_strdup(summary->reason);
    copy->addresses = g_strdupv(summary->addresses);
    return copy;
}

static gboolean strings_equal(GStrv a, GStrv b)
{
    if (!a || !b)
        return (!a || !*a) && (!b || !*b);
    return g_strv_equal((const char *const *)a, (const char *const *)b);
}

gboolean guest_summary_equal(const GuestSummary *a, const GuestSummary *b)
{
    return a->kind == b->kind && a->state == b->state && a->started == b->started &&
           a->vcpus == b->vcpus && a->memory_max == b->memory_max &&
           a->autostart == b->autostart && a->persistent == b->persistent &&
           a->pending == b->pending && a->definition == b->definition && a->agent == b->agent &&
           a->privileged == b->privileged && g_strcmp0(a->native, b->native) == 0 &&
           g_strcmp0(a->name, b->name) == 0 && g_strcmp0(a->reason, b->reason) == 0 &&
           strings_equal(a->addresses, b->addresses);
}
