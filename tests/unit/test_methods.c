#include "agent/handlers.h"

static const HandlerRow *const tables[] = {
    handlers_session, handlers_guest,   handlers_node, handlers_task, handlers_stream,
    handlers_record,  handlers_cluster, handlers_move, handlers_role, handlers_settings};

static void test_every_method_is_served(void)
{
    for (const WireMethod *method = wire_methods(); method->name; method++)
        if (!handlers_find(method->name))
            g_error("nothing serves %s", method->name);
}

static void test_every_handler_has_its_method_once(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        for (const HandlerRow *row = tables[i]; row->method; row++) {
            if (!wire_method_find(row->method))
                g_error("%s is in no row of the method table", row->method);
            g_assert_true(g_hash_table_add(seen, (gpointer)(gintptr)row->method));
        }
}

/* A viewer looks: whatever changes something asks for more, and leaves a trace. */
static void test_roles_and_audit(void)
{
    for (const WireMethod *method = wire_methods(); method->name; method++) {
        if (method->task)
            g_assert_cmpint(method->role, >=, WIRE_ROLE_OPERATOR);
        if (method->role == WIRE_ROLE_OPERATOR || method->task)
            g_assert_true(method->audited);
        g_assert_nonnull(method->help);
        g_assert_nonnull(method->result);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/methods/served", test_every_method_is_served);
    g_test_add_func("/methods/handlers", test_every_handler_has_its_method_once);
    g_test_add_func("/methods/roles", test_roles_and_audit);
    return g_test_run();
}
