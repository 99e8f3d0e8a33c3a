/* task_board - the task engine joined to the rest of the agent.
 *
 * It shows tasks in the inventory, marks guests that a task works on, turns ends
 * into events, and answers those who wait for an end. It also owns the node's
 * local database, on which tasks, audit and events are recorded.
 */
#pragma once

#include "agent/agent.h"
#include "agent/local/local.h"
#include "agent/request.h"
#include "agent/task/engine.h"

typedef struct TaskBoard TaskBoard;

/* Opens the local database: audit and events can be recorded from here on. */
TaskBoard *task_board_new(Agent *agent);
/* Picks up the tasks on record; the guests must be known. read() is called each time when
 * the record was read, or could not be: before the first time no task is known. */
void task_board_start(TaskBoard *board, void (*read)(gpointer user), gpointer user);
/* Lets go of the tasks: those at work go on. */
void task_board_stop(TaskBoard *board);
void task_board_free(TaskBoard *board);
void task_board_reload(TaskBoard *board);

/* NULL before task_board_start(). */
TaskEngine *task_board_engine(const TaskBoard *board);

/* Answers the request with the task when it has ended, or with TIMEOUT after so
 * many seconds (0: no limit). */
void task_board_wait(TaskBoard *board, const char *id, guint timeout, Request *request);
