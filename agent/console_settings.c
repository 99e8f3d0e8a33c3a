#include "agent/console_settings.h"

#include "agent/document.h"
#include "agent/inventory.h"

struct ConsoleSettings {
    Agent *agent;
    guint watch;
};

static void tell(const ConsoleSettings *settings)
{
    const Agent *agent = settings->agent;
    guint64 revision = document_revision(agent->store, CONSOLE_SETTINGS_PATH);
    json_t *value = revision ? json_integer((json_int_t)revision) : json_null();
    inventory_update(agent->inventory, OBJECT_NODE, agent->node,
                     json_pack("{s:o}", "console_settings", value));
}

static void on_changed(const char *path, const StoreDocument *document, guint64 revision,
                       gpointer user)
{
    tell(user);
}

ConsoleSettings *console_settings_new(Agent *agent)
{
    ConsoleSettings *settings = g_new0(ConsoleSettings, 1);
    settings->agent = agent;
    settings->watch =
        store_watch(agent->store, CONSOLE_SETTINGS_PATH, on_changed, settings, NULL);
    tell(settings);
    return settings;
}

void console_settings_free(ConsoleSettings *settings)
{
    if (!settings)
        return;
    store_unwatch(settings->agent->store, settings->watch);
    g_free(settings);
}
