#include "tui/command/ask.h"

#include "tui/screen/text.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MAX_LENGTH = 4096 };

static void say(int terminal, const char *text)
{
    g_autofree char *clean = text_clean(text);
    (void)!write(terminal, clean, strlen(clean));
}

/* Puts a question and reads one line; NULL at end of file or Ctrl-C. Keys that would
 * send a signal are off, so that the terminal is always put back here. Setting it up
 * throws away what was typed blind, as ssh does; it comes before the question, so that
 * an answer to what is seen is never thrown away. */
static char *ask(int terminal, const char *question, gboolean echo)
{
    struct termios before, now;
    if (tcgetattr(terminal, &before) != 0)
        return NULL;
    now = before;
    now.c_lflag &= ~(tcflag_t)ISIG;
    now.c_lflag |= ICANON;
    if (!echo)
        now.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    (void)tcsetattr(terminal, TCSAFLUSH, &now);
    say(terminal, question);
    char line[LINE_MAX_LENGTH];
    ssize_t got = read(terminal, line, sizeof line - 1);
    (void)tcsetattr(terminal, TCSAFLUSH, &before);
    if (!echo || got <= 0)
        (void)!write(terminal, "\n", 1);
    char *answer = NULL;
    if (got > 0 && !memchr(line, 3, (size_t)got)) {
        line[got] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        answer = g_strdup(line);
    }
    explicit_bzero(line, sizeof line);
    return answer;
}

static char *make_question(const char *label)
{
    if (g_str_has_suffix(label, " "))
        return g_strdup(label);
    return g_strconcat(label, g_str_has_suffix(label, ":") ? " " : ": ", NULL);
}

char **ask_on_terminal(const Prompt *prompt)
{
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0) {
        fprintf(stderr, "gantry: %s: there is no terminal to ask on\n", prompt->title);
        return NULL;
    }
    say(terminal, prompt->title);
    say(terminal, "\n");
    if (*prompt->instruction) {
        say(terminal, prompt->instruction);
        say(terminal, "\n");
    }
    char **answers = g_new0(char *, prompt->count + 1);
    for (guint i = 0; i < prompt->count; i++) {
        g_autofree char *question = make_question(prompt->fields[i].label);
        answers[i] = ask(terminal, question, prompt->fields[i].echo);
        if (!answers[i]) {
            prompt_answers_free(answers);
            answers = NULL;
            break;
        }
    }
    close(terminal);
    return answers;
}

char *ask_line(const char *question)
{
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return NULL;
    char *answer = ask(terminal, question, TRUE);
    close(terminal);
    return answer;
}
