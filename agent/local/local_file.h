/* agent/local_file - what the parts of agent/local share. */
#pragma once

#include "agent/local/local.h"

struct Local {
    Database *database;
};
