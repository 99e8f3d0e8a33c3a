#include "tui/view/table_view.h"

static gpointer open_nodes(Console *console, const Subject *subject)
{
    return table_view_open(
        console, &(TableSetup){.kind = OBJECT_NODE,
                               .columns = "name link cpu mem disk load guests running boot net "
                                          "psi_io updates kernel drivers trouble",
                               .sort = "name"});
}

const ViewClass view_nodes = {
    .name = "nodes", .title = "Nodes", .open = open_nodes, TABLE_VIEW};
