/* unit/task_handlers - tasks that do what the tests of the engine need. */
#pragma once

#include "agent/task/child.h"

/* Each waits, where it waits, until the FIFO params.gate can be read. */
extern const TaskHandler test_handlers[];
