/* task/guest_handlers - the tasks guest.ACT, through the table of guest drivers. */
#pragma once

#include "agent/task/child.h"
#include "backend/guest/driver.h"

/* A handler for all of guest.*: the kind of the object (vm/100) chooses the
 * driver. drivers is NULL-terminated and must outlive the handler. */
TaskHandler task_guest_handler(const GuestDriver *const *drivers);

/* The settings of a task's request that these handlers read. New reference. */
json_t *task_guest_settings(const GuestSettings *settings);
