/* job - what a long piece of work says about itself, and hears.
 *
 * Functions of the backend that may take longer than a moment take a Job *: they
 * report progress and log lines through it, ask it whether somebody wants them
 * to stop, and leave notes in it from which an interrupted piece of work can be
 * finished or undone. They know nothing of tasks, sessions or screens; whoever
 * runs them fills in the table. A NULL Job * is fine everywhere and does nothing.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct {
    /* percent below 0: not known. doing is a short phrase: "copying vda". */
    void (*progress)(double percent, const char *doing, gpointer user);
    /* One line for the log, without newline. */
    void (*log)(const char *line, gpointer user);
    /* TRUE once somebody asked for it to stop. */
    gboolean (*cancelled)(gpointer user);
    /* Makes a note durable (borrowed; NULL removes it) before it returns: after
     * a crash the piece of work is called again with this note to finish or undo
     * what it began. FALSE when it could not be written: do not go on. */
    gboolean (*note)(const json_t *note, gpointer user, GError **error);
} JobEvents;

typedef struct {
    const JobEvents *events;
    gpointer user;
} Job;

void job_progress(const Job *job, double percent, const char *doing);
void job_log(const Job *job, const char *format, ...) G_GNUC_PRINTF(2, 3);
gboolean job_note(const Job *job, const json_t *note, GError **error);

/* FALSE and WIRE_ERROR_CANCELLED when somebody asked for it to stop. */
gboolean job_continue(const Job *job, GError **error);
