/* What the store says of guests, and is told of them: numbers, owners, words. */
#include "agent/guests_private.h"

#include "agent/past.h"

void guest_table_expect(GuestTable *table, const char *id, const char *native)
{
    GuestKind kind;
    int number;
    g_autofree char *name = g_path_get_basename(native);
    if (guest_id_parse(id, &kind, &number))
        guest_documents_move(table->documents, kind, number, native, name);
}

void guest_table_settle(GuestTable *table)
{
    guest_documents_settle(table->documents);
    guest_definitions_settle(table->definitions);
}

void guest_table_prune(GuestTable *table)
{
    guest_documents_prune(table->documents);
}

void guest_table_expect_move(GuestTable *table, GuestKind kind, int number, const char *native,
                             const char *name)
{
    guest_documents_expect(table->documents, kind, number, native, name);
}

void guest_table_take(GuestTable *table, const char *id)
{
    GuestKind kind;
    int number;
    if (guest_id_parse(id, &kind, &number))
        guest_documents_take(table->documents, number);
}

void guest_table_part(GuestTable *table, const char *id)
{
    GuestKind kind;
    int number;
    if (guest_id_parse(id, &kind, &number))
        guest_documents_part(table->documents, number);
}

void guest_table_set_lost(GuestTable *table, GHashTable *nodes)
{
    guests_lost_nodes(table->lost, nodes);
}

json_t *guest_table_all(const GuestTable *table, const char *node)
{
    return guest_documents_all(table->documents, node);
}

char *guest_table_definition(const GuestTable *table, const char *text, char **node)
{
    int number = guest_documents_elsewhere(table->documents, text, node);
    g_autoptr(GBytes) copy =
        number ? guest_documents_definition(table->documents, number) : NULL;
    gsize size;
    const char *data = copy ? g_bytes_get_data(copy, &size) : NULL;
    return data ? g_strndup(data, size) : NULL;
}

void guest_table_forget(GuestTable *table, const char *id)
{
    GuestKind kind;
    int number;
    if (!guest_id_parse(id, &kind, &number))
        return;
    guest_documents_forget(table->documents, number);
    past_forget_guest(table->agent->past, id);
}

json_t *guest_table_document(const GuestTable *table, const Guest *guest)
{
    return guest_documents_gantry(table->documents, guest->number);
}

guint64 guest_table_document_revision(const GuestTable *table, const Guest *guest)
{
    return guest_documents_revision(table->documents, guest->number);
}

void guest_table_change_document(GuestTable *table, const Guest *guest, const json_t *params,
                                 GuestEdit edit, GuestSaved saved, gpointer user)
{
    guest_documents_change(table->documents, guest->number, params, edit, saved, user);
}
