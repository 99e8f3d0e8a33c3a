#include "tui/view/table_view.h"

static gpointer open_storage(Console *console, const Subject *subject)
{
    return table_view_open(
        console,
        &(TableSetup){.kind = OBJECT_STORAGE,
                      .columns = "id node state type used total full filesystem path reason",
                      .sort = "id"});
}

const ViewClass view_storage = {
    .name = "storage", .title = "Storage", .open = open_storage, TABLE_VIEW};
