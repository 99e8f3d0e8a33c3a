#include "tui/view/table_view.h"

static gpointer open_links(Console *console, const Subject *subject)
{
    return table_view_open(
        console,
        &(TableSetup){.kind = OBJECT_LINK,
                      .columns =
                          "id node state type master net_in net_out errors speed addresses mac",
                      .sort = "id"});
}

const ViewClass view_links = {
    .name = "links", .title = "Links", .open = open_links, TABLE_VIEW};
