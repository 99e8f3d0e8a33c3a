/* man/config_table - the keys of a configuration file, from its schema. */
#pragma once

#include "conf/schema.h"

/* Prints them as a list: path of each key, what it is for, its kind and default. */
void config_table_print(const ConfEntry *entries);
