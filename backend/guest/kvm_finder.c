#include "backend/guest/kvm_finder.h"

#include "backend/guest/kvm_describe.h"
#include "backend/wire/message.h"

#include <string.h>

enum {
    PATIENCE = 3 * G_USEC_PER_SEC,
    PAUSE_FIRST = 2 * G_USEC_PER_SEC,
    PAUSE_MAX = 120 * G_USEC_PER_SEC,
    PAUSE_FOUND = 300 * G_USEC_PER_SEC,
};

typedef struct {
    virDomainPtr domain;
    gboolean running, agent;
    gint64 due, pause; /* due: G_MAXINT64 for never */
} Entry;

struct KvmFinder {
    KvmFound found;
    gpointer user;
    GDestroyNotify release;
    GMutex lock;
    GCond wake;
    gboolean stop;
    GHashTable *entries; /* of Entry by native */
};

static void entry_free(gpointer pointer)
{
    Entry *entry = pointer;
    (void)virDomainFree(entry->domain);
    g_free(entry);
}

static int compare_strings(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean is_of_interest(const char *address)
{
    return !g_str_has_prefix(address, "127.") && !g_str_has_prefix(address, "169.254.") &&
           g_ascii_strncasecmp(address, "fe80:", 5) != 0 && strcmp(address, "::1") != 0;
}

static GStrv plain_addresses(const json_t *all)
{
    const char *mac;
    json_t *nic, *text;
    size_t index;
    GPtrArray *list = g_ptr_array_new();
    json_object_foreach((json_t *)(gintptr)all, mac, nic)
    {
        json_array_foreach(json_object_get(nic, "addresses"), index, text)
        {
            g_auto(GStrv) parts = g_strsplit(json_string_value(text), "/", 2);
            if (parts[0] && is_of_interest(parts[0]))
                g_ptr_array_add(list, g_strdup(parts[0]));
        }
    }
    g_ptr_array_sort(list, compare_strings);
    g_ptr_array_add(list, NULL);
    return (GStrv)g_ptr_array_free(list, FALSE);
}

/* With the lock held: who is to be looked at first. */
static Entry *first_due(const KvmFinder *finder, const char **native)
{
    Entry *first = NULL;
    GHashTableIter iterator;
    gpointer key, value;
    g_hash_table_iter_init(&iterator, finder->entries);
    while (g_hash_table_iter_next(&iterator, &key, &value)) {
        Entry *entry = value;
        if (!first || entry->due < first->due) {
            first = entry;
            *native = key;
        }
    }
    return first;
}

/* With the lock held, which is left while it asks. */
static void look(KvmFinder *finder, Entry *entry, const char *key)
{
    g_autofree char *native = g_strdup(key);
    virDomainPtr domain = entry->domain;
    gboolean agent = entry->agent, running = entry->running;
    (void)virDomainRef(domain);
    entry->due = entry->running ? g_get_monotonic_time() + entry->pause : G_MAXINT64;
    entry->pause = MIN(entry->pause * 2, PAUSE_MAX);
    g_mutex_unlock(&finder->lock);
    g_autoptr(json_t) all = kvm_addresses_read(domain, agent, PATIENCE);
    (void)virDomainFree(domain);
    GStrv addresses = plain_addresses(all);
    gboolean some = addresses[0] != NULL;
    g_mutex_lock(&finder->lock);
    /* Forgotten or begun anew in the meantime: then the answer is an old one. */
    entry = g_hash_table_lookup(finder->entries, native);
    if (!entry || entry->domain != domain || entry->agent != agent ||
        entry->running != running || finder->stop) {
        g_strfreev(addresses);
        return;
    }
    if (some && running)
        entry->due = g_get_monotonic_time() + PAUSE_FOUND;
    finder->found(native, addresses, finder->user);
}

static gpointer run(gpointer pointer)
{
    KvmFinder *finder = pointer;
    g_mutex_lock(&finder->lock);
    while (!finder->stop) {
        const char *native = NULL;
        Entry *entry = first_due(finder, &native);
        if (!entry || entry->due == G_MAXINT64)
            g_cond_wait(&finder->wake, &finder->lock);
        else if (entry->due <= g_get_monotonic_time())
            look(finder, entry, native);
        else
            (void)g_cond_wait_until(&finder->wake, &finder->lock, entry->due);
    }
    g_mutex_unlock(&finder->lock);
    g_hash_table_unref(finder->entries);
    g_mutex_clear(&finder->lock);
    g_cond_clear(&finder->wake);
    finder->release(finder->user);
    g_free(finder);
    return NULL;
}

KvmFinder *kvm_finder_new(KvmFound found, gpointer user, GDestroyNotify release)
{
    KvmFinder *finder = g_new0(KvmFinder, 1);
    finder->found = found;
    finder->user = user;
    finder->release = release;
    finder->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
    g_mutex_init(&finder->lock);
    g_cond_init(&finder->wake);
    g_thread_unref(g_thread_new("kvm-addresses", run, finder));
    return finder;
}

void kvm_finder_look(KvmFinder *finder, virDomainPtr domain, const char *native,
                     gboolean running, gboolean agent)
{
    if (virDomainRef(domain) < 0)
        return;
    Entry *entry = g_new0(Entry, 1);
    *entry = (Entry){domain, running, agent, g_get_monotonic_time(), PAUSE_FIRST};
    g_mutex_lock(&finder->lock);
    g_hash_table_replace(finder->entries, g_strdup(native), entry);
    g_cond_signal(&finder->wake);
    g_mutex_unlock(&finder->lock);
}

void kvm_finder_forget(KvmFinder *finder, const char *native)
{
    g_mutex_lock(&finder->lock);
    if (native)
        g_hash_table_remove(finder->entries, native);
    else
        g_hash_table_remove_all(finder->entries);
    g_mutex_unlock(&finder->lock);
}

void kvm_finder_stop(KvmFinder *finder)
{
    g_mutex_lock(&finder->lock);
    finder->stop = TRUE;
    g_cond_signal(&finder->wake);
    g_mutex_unlock(&finder->lock);
}
