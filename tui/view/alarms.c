#include "tui/view/table_view.h"

static gpointer open_alarms(Console *console, const Subject *subject)
{
    return table_view_open(console, &(TableSetup){.kind = OBJECT_ALARM,
                                                  .columns = "since severity node object text",
                                                  .sort = "severity"});
}

const ViewClass view_alarms = {
    .name = "alarms", .title = "Needs attention", .open = open_alarms, TABLE_VIEW};
