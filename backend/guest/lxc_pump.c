#include "backend/guest/lxc_pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum {
    BUFFER = 16384,
    LINE_MAX_BYTES = 64,
    DRAIN = 200 /* milliseconds */,
    END_OF_FILE = 4 /* VEOF, Ctrl-D */
};

typedef struct {
    char bytes[BUFFER];
    gsize begin, end;
} Buffer;

typedef struct {
    LxcPump *pump;
    Buffer in, out;     /* to the program, from it */
    gboolean in_ended;  /* the person will send no more */
    gboolean out_ended; /* the program will write no more */
    gboolean gone;      /* the person takes no more */
    gboolean eof_sent;  /* to its terminal */
    gboolean ended;     /* the program is over */
    char line[LINE_MAX_BYTES];
    gsize line_length;
} Pumping;

void lxc_pump_resize(int terminal, int rows, int columns)
{
    if (rows < 1 || columns < 1 || rows > LXC_PUMP_SIZE_MAX || columns > LXC_PUMP_SIZE_MAX)
        return;
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    (void)ioctl(terminal, TIOCSWINSZ, &size);
}

static gboolean is_empty(const Buffer *buffer)
{
    return buffer->begin == buffer->end;
}

/* FALSE at the end of what can be read. */
static gboolean fill(int from, Buffer *buffer)
{
    ssize_t got = read(from, buffer->bytes, sizeof buffer->bytes);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    buffer->begin = 0;
    buffer->end = (gsize)got;
    return got > 0;
}

/* FALSE when nobody takes it any more. */
static gboolean drain(int to, Buffer *buffer)
{
    ssize_t put = write(to, buffer->bytes + buffer->begin, buffer->end - buffer->begin);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR;
    buffer->begin += (gsize)put;
    return TRUE;
}

static void take_line(const Pumping *state)
{
    guint64 rows, columns;
    g_auto(GStrv) words = g_strsplit(state->line, " ", 4);
    if (g_strv_length(words) == 3 && strcmp(words[0], "resize") == 0 &&
        g_ascii_string_to_unsigned(words[1], 10, 1, LXC_PUMP_SIZE_MAX, &rows, NULL) &&
        g_ascii_string_to_unsigned(words[2], 10, 1, LXC_PUMP_SIZE_MAX, &columns, NULL))
        lxc_pump_resize(state->pump->input, (int)rows, (int)columns);
}

static void take_control(Pumping *state)
{
    char bytes[256];
    ssize_t got = read(state->pump->control, bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        state->pump->control = -1;
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] == '\n') {
            state->line[MIN(state->line_length, sizeof state->line - 1)] = '\0';
            if (state->line_length < sizeof state->line)
                take_line(state);
            state->line_length = 0;
        } else if (state->line_length < sizeof state->line - 1) {
            state->line[state->line_length++] = bytes[i];
        } else {
            state->line_length = sizeof state->line; /* too long: left out */
        }
    }
}

static void end_input(Pumping *state)
{
    LxcPump *pump = state->pump;
    if (pump->hang_up) {
        state->gone = TRUE;
    } else if (pump->input == pump->output) {
        if (!state->eof_sent) {
            state->in.bytes[0] = END_OF_FILE;
            state->in.begin = 0;
            state->in.end = 1;
        }
        state->eof_sent = TRUE;
    } else if (pump->input >= 0) {
        close(pump->input);
        pump->input = -1;
    }
}

enum { DATA, CONTROL, INPUT, OUTPUT, END, COUNT };

static int prepare(const Pumping *state, struct pollfd *polled)
{
    const LxcPump *pump = state->pump;
    gboolean reads_data = !state->in_ended && is_empty(&state->in);
    polled[DATA] = (struct pollfd){
        pump->data, (short)((reads_data ? POLLIN : 0) | (is_empty(&state->out) ? 0 : POLLOUT)),
        0};
    polled[CONTROL] = (struct pollfd){pump->control, POLLIN, 0};
    polled[INPUT] = (struct pollfd){is_empty(&state->in) ? -1 : pump->input, POLLOUT, 0};
    polled[OUTPUT] = (struct pollfd){
        state->out_ended || !is_empty(&state->out) ? -1 : pump->output, POLLIN, 0};
    polled[END] = (struct pollfd){state->ended ? -1 : pump->end, POLLIN, 0};
    if (state->ended && is_empty(&state->out))
        return DRAIN; /* a child that it left may hold the other end for ever */
    if (!pump->deadline)
        return -1;
    gint64 left = (pump->deadline - g_get_monotonic_time()) / 1000 + 1;
    return (int)CLAMP(left, 0, 60000);
}

static void move(Pumping *state, const struct pollfd *polled)
{
    LxcPump *pump = state->pump;
    const short over = POLLERR | POLLHUP | POLLNVAL;
    if (polled[CONTROL].revents)
        take_control(state);
    if (polled[OUTPUT].revents && !fill(pump->output, &state->out))
        state->out_ended = TRUE;
    if ((polled[DATA].revents & POLLOUT) && !drain(pump->data, &state->out))
        state->gone = TRUE;
    if (polled[DATA].revents & POLLIN)
        state->in_ended = !fill(pump->data, &state->in);
    if (polled[DATA].revents & over && (state->in_ended || !(polled[DATA].revents & POLLIN)))
        state->gone = TRUE;
    if (polled[INPUT].revents && !drain(pump->input, &state->in)) {
        state->in.begin = state->in.end; /* the program does not want it */
        state->in_ended = TRUE;
    }
    if (state->in_ended && is_empty(&state->in))
        end_input(state);
    if (polled[END].revents)
        state->ended = TRUE;
}

static LxcPumpEnd pump_all(Pumping *state)
{
    for (;;) {
        struct pollfd polled[COUNT];
        int wait = prepare(state, polled);
        int ready = poll(polled, COUNT, wait);
        if (ready > 0)
            move(state, polled);
        gboolean empty = is_empty(&state->out);
        if (state->gone)
            return LXC_PUMP_PERSON;
        if (empty && state->ended && (state->out_ended || ready == 0))
            return LXC_PUMP_PROGRAM;
        if (state->pump->deadline && g_get_monotonic_time() >= state->pump->deadline)
            return LXC_PUMP_LATE;
    }
}

LxcPumpEnd lxc_pump_run(LxcPump *pump)
{
    g_autofree Pumping *state = g_new0(Pumping, 1);
    state->pump = pump;
    const int descriptors[] = {pump->data, pump->input, pump->output, pump->control};
    int flags[G_N_ELEMENTS(descriptors)];
    for (gsize i = 0; i < G_N_ELEMENTS(descriptors); i++) {
        flags[i] = descriptors[i] >= 0 ? fcntl(descriptors[i], F_GETFL) : -1;
        if (flags[i] >= 0)
            (void)fcntl(descriptors[i], F_SETFL, flags[i] | O_NONBLOCK);
    }
    LxcPumpEnd end = pump_all(state);
    /* A console's terminal is shared with its monitor and comes to others later. In
     * reverse, because what is both input and output was found changed by itself. */
    for (gsize i = G_N_ELEMENTS(descriptors); i-- > 0;)
        if (flags[i] >= 0 && (i != 1 || pump->input >= 0))
            (void)fcntl(descriptors[i], F_SETFL, flags[i]);
    return end;
}
