/* The table of gantryd.yaml(5): its keys. */
#include "conf/agent.h"
#include "man/config_table.h"
#include "man/page.h"

#include <stddef.h>

static void print_keys(void)
{
    config_table_print(conf_agent_entries());
}

int main(int argc, char **argv)
{
    static const PageTable tables[] = {{"@KEYS@\n", print_keys}, {NULL, NULL}};
    return page_main(argc, argv, tables);
}
