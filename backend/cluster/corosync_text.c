#include "backend/cluster/corosync_text.h"

#include "backend/wire/error.h"

#include <string.h>

typedef enum { LINE_OTHER, LINE_OPEN, LINE_CLOSE, LINE_PAIR } LineKind;

typedef struct {
    LineKind kind;
    char *raw;   /* as it is written, without newline */
    char *key;   /* of a pair; the name of an opening */
    char *value; /* of a pair */
} Line;

struct CorosyncText {
    GPtrArray *lines;
};

static void line_free(gpointer data)
{
    Line *line = data;
    g_free(line->raw);
    g_free(line->key);
    g_free(line->value);
    g_free(line);
}

static CorosyncText *text_new(void)
{
    CorosyncText *self = g_new0(CorosyncText, 1);
    self->lines = g_ptr_array_new_with_free_func(line_free);
    return self;
}

void corosync_text_free(CorosyncText *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->lines);
    g_free(self);
}

static const Line *line_at(const CorosyncText *self, guint index)
{
    return self->lines->pdata[index];
}

/* ---- reading ---- */

static gboolean wrong(GError **error, guint number, const char *what)
{
    wire_error_set(error, WIRE_ERROR_CONFIG, "corosync.conf:%u: %s", number, what);
    return FALSE;
}

static gboolean is_word(const char *text)
{
    if (!*text)
        return FALSE;
    for (; *text; text++)
        if (!g_ascii_isalnum(*text) && *text != '_' && *text != '-' && *text != '.')
            return FALSE;
    return TRUE;
}

/* corosync looks for a brace first, then for a colon: a brace in a value would be taken
 * for a section, so it is none of ours to write or to pass. */
static gboolean read_line(Line *line, guint number, GError **error)
{
    g_autofree char *bare = g_strstrip(g_strdup(line->raw));
    char *colon = strchr(bare, ':');
    size_t length = strlen(bare);
    if (!*bare || *bare == '#')
        return TRUE;
    if (strcmp(bare, "}") == 0) {
        line->kind = LINE_CLOSE;
        return TRUE;
    }
    if (bare[length - 1] == '{') {
        bare[length - 1] = '\0';
        line->kind = LINE_OPEN;
        line->key = g_strdup(g_strchomp(bare));
        return is_word(line->key) ||
               wrong(error, number, "a section needs a name before its {");
    }
    if (strpbrk(bare, "{}"))
        return wrong(error, number, "a brace must stand at the end of its line");
    if (!colon)
        return wrong(error, number, "expected \"key: value\", \"name {\" or \"}\"");
    *colon = '\0';
    line->kind = LINE_PAIR;
    line->key = g_strdup(g_strchomp(bare));
    line->value = g_strdup(g_strchug(colon + 1));
    return is_word(line->key) || wrong(error, number, "a value needs a key before its colon");
}

static gboolean is_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((guchar)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
            return FALSE;
    return g_utf8_validate(text, (gssize)length, NULL);
}

static gboolean add_line(CorosyncText *self, const char *begin, size_t length, guint *depth,
                         GError **error)
{
    guint number = self->lines->len + 1;
    if (length && begin[length - 1] == '\r')
        length--;
    if (length > COROSYNC_LINE_MAX)
        return wrong(error, number, "the line is longer than the 511 bytes corosync reads");
    if (!is_printable(begin, length))
        return wrong(error, number, "the line holds what is not UTF-8 text");
    Line *line = g_new0(Line, 1);
    line->raw = g_strndup(begin, length);
    g_ptr_array_add(self->lines, line);
    if (!read_line(line, number, error))
        return FALSE;
    if (line->kind == LINE_OPEN && ++*depth > COROSYNC_DEPTH_MAX)
        return wrong(error, number, "sections are nested too deeply");
    if (line->kind == LINE_CLOSE && (*depth)-- == 0)
        return wrong(error, number, "this } closes no section");
    if (line->kind == LINE_PAIR && *depth == 0)
        return wrong(error, number, "a value must stand in a section");
    return TRUE;
}

CorosyncText *corosync_text_parse(const char *text, size_t length, GError **error)
{
    g_autoptr(CorosyncText) self = text_new();
    guint depth = 0;
    if (length > COROSYNC_TEXT_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT,
                       "corosync.conf: %zu bytes are more than the %u that are read", length,
                       COROSYNC_TEXT_MAX);
        return NULL;
    }
    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        size_t size = end ? (size_t)(end - text) : length;
        if (!add_line(self, text, size, &depth, error))
            return NULL;
        size += end ? 1 : 0;
        text += size;
        length -= size;
    }
    if (depth) {
        wrong(error, self->lines->len, "a section is not closed");
        return NULL;
    }
    return g_steal_pointer(&self);
}

char *corosync_text_dump(const CorosyncText *self)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < self->lines->len; i++)
        g_string_append_printf(text, "%s\n", line_at(self, i)->raw);
    return g_string_free(text, FALSE);
}

CorosyncText *corosync_text_copy(const CorosyncText *self)
{
    CorosyncText *copy = text_new();
    for (guint i = 0; i < self->lines->len; i++) {
        const Line *from = line_at(self, i);
        Line *line = g_new0(Line, 1);
        *line =
            (Line){from->kind, g_strdup(from->raw), g_strdup(from->key), g_strdup(from->value)};
        g_ptr_array_add(copy->lines, line);
    }
    return copy;
}

/* ---- finding ---- */

/* The line after the end of a section whose opening is at `open`. */
static guint section_end(const CorosyncText *self, guint open)
{
    guint depth = 0, i = open;
    do {
        LineKind kind = line_at(self, i)->kind;
        depth += kind == LINE_OPEN;
        depth -= kind == LINE_CLOSE;
        i++;
    } while (depth);
    return i;
}

/* The opening of the index-th section of that name among the lines from..to, counting
 * only those directly in it; *count is how many there are. */
static gboolean find_named(const CorosyncText *self, guint from, guint to, const char *name,
                           guint index, guint *open, guint *count)
{
    gboolean found = FALSE;
    *count = 0;
    for (guint i = from; i < to; i++) {
        if (line_at(self, i)->kind != LINE_OPEN)
            continue;
        if (strcmp(line_at(self, i)->key, name) == 0 && (*count)++ == index) {
            *open = i;
            found = TRUE;
        }
        i = section_end(self, i) - 1;
    }
    return found;
}

/* The same for a path. */
static gboolean find_section(const CorosyncText *self, const char *section, guint index,
                             guint *open, guint *count)
{
    g_auto(GStrv) names = g_strsplit(section, ".", -1);
    guint from = 0, to = self->lines->len;
    *count = 0;
    for (char **name = names; *name; name++) {
        gboolean last = !name[1];
        if (!find_named(self, from, to, *name, last ? index : 0, open, count)) {
            if (!last)
                *count = 0;
            return FALSE;
        }
        from = *open + 1;
        to = section_end(self, *open) - 1;
    }
    return TRUE;
}

guint corosync_text_count(const CorosyncText *self, const char *section)
{
    guint open = 0, count;
    (void)find_section(self, section, 0, &open, &count);
    return count;
}

static gboolean find_pair(const CorosyncText *self, guint open, const char *key, guint *at)
{
    guint end = section_end(self, open) - 1;
    for (guint i = open + 1; i < end; i++) {
        const Line *line = line_at(self, i);
        if (line->kind == LINE_OPEN)
            i = section_end(self, i) - 1;
        else if (line->kind == LINE_PAIR && strcmp(line->key, key) == 0) {
            *at = i;
            return TRUE;
        }
    }
    return FALSE;
}

const char *corosync_text_get(const CorosyncText *self, const char *section, guint index,
                              const char *key, guint *line)
{
    guint open = 0, count, at;
    if (!find_section(self, section, index, &open, &count) || !find_pair(self, open, key, &at))
        return NULL;
    if (line)
        *line = at + 1;
    return line_at(self, at)->value;
}

/* ---- changing ---- */

static size_t indent_of(const char *raw)
{
    return strspn(raw, " \t");
}

static void insert(CorosyncText *self, guint at, LineKind kind, const char *indent, int depth,
                   const char *key, const char *value)
{
    Line *line = g_new0(Line, 1);
    g_autofree char *deeper = g_strnfill((gsize)depth * 4, ' ');
    const char *tail = kind == LINE_OPEN ? " {" : kind == LINE_CLOSE ? "}" : ": ";
    line->kind = kind;
    line->raw = g_strconcat(indent, deeper, key ? key : "", tail, value ? value : "", NULL);
    line->key = g_strdup(key);
    line->value = g_strdup(value);
    g_ptr_array_insert(self->lines, (gint)at, line);
}

/* A new pair goes after the last one of its section, indented as that is. */
static void insert_pair(CorosyncText *self, guint open, const char *key, const char *value)
{
    guint end = section_end(self, open) - 1, at = open + 1, like = open;
    for (guint i = open + 1; i < end; i++) {
        if (line_at(self, i)->kind == LINE_OPEN)
            i = section_end(self, i) - 1;
        else if (line_at(self, i)->kind == LINE_PAIR) {
            like = i;
            at = i + 1;
        }
    }
    const char *raw = line_at(self, like)->raw;
    g_autofree char *indent = g_strndup(raw, indent_of(raw));
    insert(self, at, LINE_PAIR, indent, like == open ? 1 : 0, key, value);
}

void corosync_text_set(CorosyncText *self, const char *section, guint index, const char *key,
                       const char *value)
{
    guint open = 0, count, at;
    if (!find_section(self, section, index, &open, &count)) {
        if (!value)
            return;
        index = corosync_text_add(self, section);
        (void)find_section(self, section, index, &open, &count);
    }
    if (!find_pair(self, open, key, &at)) {
        if (value)
            insert_pair(self, open, key, value);
        return;
    }
    if (!value) {
        g_ptr_array_remove_index(self->lines, at);
        return;
    }
    Line *line = self->lines->pdata[at];
    g_autofree char *indent = g_strndup(line->raw, indent_of(line->raw));
    g_autofree char *before = g_steal_pointer(&line->raw);
    line->raw = g_strconcat(indent, key, ": ", value, NULL);
    g_free(line->value);
    line->value = g_strdup(value);
}

static void insert_section(CorosyncText *self, guint at, const char *indent, int depth,
                           const char *name)
{
    insert(self, at, LINE_OPEN, indent, depth, name, NULL);
    insert(self, at + 1, LINE_CLOSE, indent, depth, NULL, NULL);
}

guint corosync_text_add(CorosyncText *self, const char *section)
{
    guint open = 0, count = 0;
    const char *dot = strrchr(section, '.');
    const char *name = dot ? dot + 1 : section;
    g_autofree char *indent = g_strdup("");
    guint at = self->lines->len;
    int depth = 0;
    (void)find_section(self, section, 0, &open, &count);
    if (count > 0) {
        guint ignored;
        (void)find_section(self, section, count - 1, &open, &ignored);
        at = section_end(self, open);
    } else if (dot) {
        g_autofree char *parent = g_strndup(section, (gsize)(dot - section));
        guint parents;
        if (!find_section(self, parent, 0, &open, &parents)) {
            (void)corosync_text_add(self, parent);
            (void)find_section(self, parent, 0, &open, &parents);
        }
        at = section_end(self, open) - 1;
        depth = 1;
    }
    if (count > 0 || dot) {
        g_free(indent);
        indent = g_strndup(line_at(self, open)->raw, indent_of(line_at(self, open)->raw));
    }
    insert_section(self, at, indent, depth, name);
    return count;
}

void corosync_text_remove(CorosyncText *self, const char *section, guint index)
{
    guint open = 0, count;
    if (find_section(self, section, index, &open, &count))
        g_ptr_array_remove_range(self->lines, open, section_end(self, open) - open);
}
