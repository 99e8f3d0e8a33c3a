#include "agent/guest_definitions.h"

#include "agent/events.h"
#include "backend/wire/error.h"

#include <string.h>

enum { READ_DEADLINE = 20000 /* ms */ };

typedef struct {
    GuestDefinitions *definitions;
    const GuestDriver *driver;
    char *native, *name, *actor;
    int number;
    guint64 hash;     /* as the driver tells */
    guint64 stored;   /* of the store's copy; 0: none */
    gboolean busy;    /* it is being read or written */
    guint64 given_up; /* the hash of what could not be; 0: nothing */
} Definition;

struct GuestDefinitions {
    Agent *agent;
    GuestDocuments *documents;
    GHashTable *table; /* native -> Definition */
};

static void definition_free(gpointer data)
{
    Definition *definition = data;
    g_free(definition->native);
    g_free(definition->name);
    g_free(definition->actor);
    g_free(definition);
}

static void look(Definition *definition);

/* ---- writing ---- */

/* Which one, as it may be gone when the answer comes. */
typedef struct {
    GuestDefinitions *definitions;
    char *native;
    int number;
    guint64 hash;
    gboolean fresh;
} Saving;

static void tell(const Definition *definition)
{
    Agent *agent = definition->definitions->agent;
    g_autofree char *id =
        g_strdup_printf("%s/%d", guest_kind_name(definition->driver->kind), definition->number);
    event_log_add(agent->events, EVENT_INFO, id, definition->actor,
                  definition->actor ? "the definition of %s was changed"
                                    : "the definition of %s was changed outside of Gantry",
                  definition->name);
}

/* Until it changes, or the store does: what is too large stays so. */
static void give_up(Definition *definition, guint64 hash, const GError *error)
{
    Agent *agent = definition->definitions->agent;
    definition->given_up = hash;
    if (wire_error_code(error) != WIRE_ERROR_LIMIT)
        return;
    g_autofree char *id =
        g_strdup_printf("%s/%d", guest_kind_name(definition->driver->kind), definition->number);
    event_log_add(agent->events, EVENT_WARNING, id, NULL,
                  "the definition of %s is not kept in the cluster's store: %s",
                  definition->name, error->message);
}

static void on_saved(const GError *error, gpointer user)
{
    Saving *saving = user;
    Definition *definition = g_hash_table_lookup(saving->definitions->table, saving->native);
    if (definition) {
        definition->busy = FALSE;
        if (error)
            give_up(definition, saving->hash, error);
        if (!error && definition->number == saving->number) {
            definition->stored = saving->hash;
            if (!saving->fresh)
                tell(definition);
            g_clear_pointer(&definition->actor, g_free);
            look(definition);
        }
    }
    g_free(saving->native);
    g_free(saving);
}

/* ---- reading ---- */

typedef struct {
    GuestDefinitions *definitions;
    const GuestDriver *driver;
    char *native, *libvirt_uri;
    GStrv lxc_paths;
} Reading;

static void reading_free(gpointer data)
{
    Reading *reading = data;
    g_free(reading->native);
    g_free(reading->libvirt_uri);
    g_strfreev(reading->lxc_paths);
    g_free(reading);
}

/* The text comes back with what it is of. */
typedef struct {
    char *native, *text;
} Read;

static void read_free(gpointer data)
{
    Read *read = data;
    g_free(read->native);
    g_free(read->text);
    g_free(read);
}

static gpointer run_reading(gpointer data, GError **error)
{
    const Reading *reading = data;
    const GuestSettings settings = {reading->libvirt_uri,
                                    (const char *const *)reading->lxc_paths};
    char *text = reading->driver->definition(&settings, reading->native, TRUE, error);
    if (!text)
        return NULL;
    Read *read = g_new(Read, 1);
    *read = (Read){g_strdup(reading->native), text};
    return read;
}

static void put(Definition *definition, const char *text)
{
    size_t length = strlen(text);
    Saving *saving = g_new(Saving, 1);
    *saving =
        (Saving){definition->definitions, g_strdup(definition->native), definition->number,
                 guest_definition_hash(text, length), definition->stored == 0};
    guest_documents_define(definition->definitions->documents, definition->number, text,
                           on_saved, saving);
}

/* Who asked, as it may be gone when the answer comes. */
typedef struct {
    GuestDefinitions *definitions;
    char *native;
} Asking;

static void on_read(gpointer result, const GError *error, gpointer user)
{
    Asking *asking = user;
    Read *read = result;
    Definition *definition = g_hash_table_lookup(asking->definitions->table, asking->native);
    if (definition && read)
        put(definition, read->text);
    else if (definition)
        definition->busy = FALSE;
    if (read)
        read_free(read);
    g_free(asking->native);
    g_free(asking);
}

static void look(Definition *definition)
{
    GuestDefinitions *definitions = definition->definitions;
    const AgentConfig *config = definitions->agent->config;
    if (definition->busy || definition->hash == 0 || definition->hash == definition->stored ||
        definition->hash == definition->given_up ||
        !guest_documents_is_claimed(definitions->documents, definition->number))
        return;
    definition->busy = TRUE;
    Reading *reading = g_new0(Reading, 1);
    *reading = (Reading){definitions, definition->driver, g_strdup(definition->native),
                         g_strdup(config->libvirt_uri), g_strdupv(config->lxc_paths)};
    Asking *asking = g_new(Asking, 1);
    *asking = (Asking){definitions, g_strdup(definition->native)};
    worker_submit(definitions->agent->workers, &(WorkerJob){.key = definition->driver->name,
                                                            .deadline = READ_DEADLINE,
                                                            .run = run_reading,
                                                            .data = reading,
                                                            .free_data = reading_free,
                                                            .free_result = read_free,
                                                            .done = on_read,
                                                            .user = asking});
}

/* ---- the table ---- */

static guint64 stored_hash(const GuestDefinitions *definitions, int number)
{
    g_autoptr(GBytes) copy = guest_documents_definition(definitions->documents, number);
    gsize size;
    const char *text = copy ? g_bytes_get_data(copy, &size) : NULL;
    return text ? guest_definition_hash(text, size) : 0;
}

void guest_definitions_note(GuestDefinitions *definitions, const GuestDriver *driver,
                            const GuestSummary *summary, int number, const char *actor)
{
    Definition *definition = g_hash_table_lookup(definitions->table, summary->native);
    if (!definition) {
        definition = g_new0(Definition, 1);
        definition->definitions = definitions;
        definition->driver = driver;
        definition->native = g_strdup(summary->native);
        g_hash_table_insert(definitions->table, definition->native, definition);
    }
    if (definition->number != number)
        definition->stored = stored_hash(definitions, number);
    definition->number = number;
    if (g_strcmp0(definition->name, summary->name) != 0) {
        g_free(definition->name);
        definition->name = g_strdup(summary->name);
    }
    if (actor && definition->hash != summary->definition) {
        g_free(definition->actor);
        definition->actor = g_strdup(actor);
    }
    definition->hash = summary->definition;
    look(definition);
}

void guest_definitions_forget(GuestDefinitions *definitions, const char *native)
{
    g_hash_table_remove(definitions->table, native);
}

void guest_definitions_settle(GuestDefinitions *definitions)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, definitions->table);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Definition *definition = value;
        definition->stored = stored_hash(definitions, definition->number);
        definition->given_up = 0;
        look(definition);
    }
}

GuestDefinitions *guest_definitions_new(Agent *agent, GuestDocuments *documents)
{
    GuestDefinitions *definitions = g_new0(GuestDefinitions, 1);
    definitions->agent = agent;
    definitions->documents = documents;
    definitions->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, definition_free);
    return definitions;
}

void guest_definitions_free(GuestDefinitions *definitions)
{
    if (!definitions)
        return;
    g_hash_table_unref(definitions->table);
    g_free(definitions);
}
