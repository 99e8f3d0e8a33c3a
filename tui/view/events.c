#include "tui/view/table_view.h"

static gpointer open_events(Console *console, const Subject *subject)
{
    return table_view_open(console,
                           &(TableSetup){.kind = OBJECT_EVENT,
                                         .columns = "time severity node object text who",
                                         .sort = "-time"});
}

const ViewClass view_events = {
    .name = "events", .title = "Events", .open = open_events, TABLE_VIEW};
