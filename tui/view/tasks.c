#include "tui/view/table_view.h"

static gpointer open_tasks(Console *console, const Subject *subject)
{
    return table_view_open(
        console,
        &(TableSetup){
            .kind = OBJECT_TASK,
            .columns = "created state method object progress doing node owner took name error",
            .sort = "-created"});
}

const ViewClass view_tasks = {
    .name = "tasks", .title = "Tasks", .open = open_tasks, TABLE_VIEW};
