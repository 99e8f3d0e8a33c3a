/* guest/lxc_process - processes of containers, as /proc tells them.
 *
 * Format: proc(5). A process can end between any two reads; then the functions
 * say so and nothing else happens.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct {
    pid_t pid, parent;
    char state;          /* R, S, D, T, t, Z, ... */
    guint64 cpu_ticks;   /* user and system */
    guint64 start_ticks; /* after boot */
    guint64 rss;         /* bytes */
    char name[64];       /* without the parentheses */
} LxcProcess;

/* The text of /proc/PID/stat; FALSE when it is not one. The name in it may hold
 * any byte, parentheses and spaces too. Pure but for the page size. */
gboolean lxc_process_parse(const char *text, LxcProcess *process);
gboolean lxc_process_read(pid_t pid, LxcProcess *process);

/* When it was started, in seconds since 1970, as near as the clock allows. */
gint64 lxc_process_started(const LxcProcess *process);
/* Processor time in seconds. */
double lxc_process_cpu(const LxcProcess *process);

/* The last number of the NSpid line of /proc/PID/status: the process's own number
 * in the innermost namespace; 0 when there is none. Pure. */
pid_t lxc_process_parse_inner(const char *status);
pid_t lxc_process_inner(pid_t pid);

/* The command line with spaces between, at most LXC_PROCESS_COMMAND bytes, or "[name]" of a
 * process without one. Caller frees. */
#define LXC_PROCESS_COMMAND 256
char *lxc_process_command(const LxcProcess *process);

/* The processes in a control group directory and those below it, at most limit.
 * Caller frees the array of pid_t. */
GArray *lxc_process_list(const char *directory, guint limit);
