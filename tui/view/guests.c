#include "tui/view/table_view.h"

static gpointer open_guests(Console *console, const Subject *subject)
{
    return table_view_open(
        console,
        &(TableSetup){
            .kind = OBJECT_GUEST,
            .columns = "id name node state cpu vcpus mem_used mem_max disk net addresses tags",
            .sort = "id"});
}

const ViewClass view_guests = {
    .name = "guests", .title = "Guests", .open = open_guests, TABLE_VIEW};
