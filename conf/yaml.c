#include "conf/yaml.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

/* One run over a text. */
typedef struct {
    yaml_parser_t parser;
    const char *name; /* interned */
    const char *text;
    size_t length;
    guint nodes;
    GError **error;
} Reader;

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(yaml_event_t, yaml_event_delete)

static void G_GNUC_PRINTF(5, 0) set_at(GError **error, const char *file, guint line,
                                       guint column, const char *format, va_list arguments)
{
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    wire_error_set(error, WIRE_ERROR_CONFIG, "%s:%u:%u: %s", file, line, column, message);
}

static void G_GNUC_PRINTF(3, 4)
    fail_at(Reader *reader, const yaml_mark_t *mark, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_at(reader->error, reader->name, (guint)mark->line + 1, (guint)mark->column + 1, format,
           arguments);
    va_end(arguments);
}

void conf_node_error(const ConfNode *node, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_at(error, node->file, node->line, node->column, format, arguments);
    va_end(arguments);
}

void conf_node_key_error(const ConfNode *node, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_at(error, node->file, node->key_line, node->key_column, format, arguments);
    va_end(arguments);
}

static ConfNode *node_at(ConfNodeKind kind, const char *file, guint line, guint column)
{
    ConfNode *node = g_new0(ConfNode, 1);
    node->kind = kind;
    node->file = file;
    node->line = node->key_line = line;
    node->column = node->key_column = column;
    if (kind != CONF_NODE_SCALAR)
        node->children = g_ptr_array_new_with_free_func((GDestroyNotify)conf_node_free);
    return node;
}

ConfNode *conf_node_new(ConfNodeKind kind, const char *key, const ConfNode *parent)
{
    ConfNode *node = node_at(kind, parent->file, parent->line, parent->column);
    node->key = g_strdup(key);
    return node;
}

/* The depth is bounded by CONF_DEPTH_MAX, so recursion is too. */
void conf_node_free(ConfNode *node)
{
    if (!node)
        return;
    g_clear_pointer(&node->children, g_ptr_array_unref);
    g_free(node->key);
    g_free(node->text);
    g_free(node);
}

/* The parser stopped: by its grammar, with a mark, or because the bytes are not
 * UTF-8, where only the offset is known. */
static void fail_parser(Reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_READER_ERROR) {
        yaml_mark_t mark = {0};
        const char *end = reader->text + MIN(parser->problem_offset, reader->length);
        for (const char *at = reader->text; at < end; at++) {
            if (*at == '\n') {
                mark.line++;
                mark.column = 0;
            } else if (((unsigned char)*at & 0xc0) != 0x80) {
                mark.column++;
            }
        }
        fail_at(reader, &mark, "expected text in UTF-8 without control characters");
        return;
    }
    const char *problem = parser->problem ? parser->problem : "not YAML";
    if (parser->context)
        fail_at(reader, &parser->problem_mark, "%s %s that begins in line %zu", problem,
                parser->context, parser->context_mark.line + 1);
    else
        fail_at(reader, &parser->problem_mark, "%s", problem);
}

static gboolean next_event(Reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return TRUE;
    fail_parser(reader);
    return FALSE;
}

static gboolean check_plain_yaml(Reader *reader, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        fail_at(reader, &event->start_mark,
                "aliases (*%s) are not taken here: write the value out",
                event->data.alias.anchor);
        return FALSE;
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        fail_at(reader, &event->start_mark, "anchors (&%s) are not taken here", anchor);
    else if (tag)
        fail_at(reader, &event->start_mark, "tags (%s) are not taken here", tag);
    return !anchor && !tag;
}

static char *scalar_text(Reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    const char *end = text + event->data.scalar.length;
    for (const char *at = text; at < end; at = g_utf8_next_char(at))
        if (g_unichar_iscntrl(g_utf8_get_char(at))) {
            fail_at(reader, &event->start_mark,
                    "expected one line of text without control characters");
            return NULL;
        }
    return g_strndup(text, event->data.scalar.length);
}

static ConfNode *read_node(Reader *reader, const yaml_event_t *event, const char *file,
                           guint depth);

static gboolean read_sequence(Reader *reader, ConfNode *node, guint depth)
{
    for (;;) {
        g_auto(yaml_event_t) event = {0};
        if (!next_event(reader, &event))
            return FALSE;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return TRUE;
        ConfNode *child = read_node(reader, &event, node->file, depth + 1);
        if (!child)
            return FALSE;
        g_ptr_array_add(node->children, child);
    }
}

/* One key and its value; the key event has been read. */
static gboolean read_member(Reader *reader, ConfNode *node, const yaml_event_t *key_event,
                            GHashTable *seen, guint depth)
{
    if (!check_plain_yaml(reader, key_event))
        return FALSE;
    if (key_event->type != YAML_SCALAR_EVENT) {
        fail_at(reader, &key_event->start_mark, "expected a key that is a word");
        return FALSE;
    }
    g_autofree char *key = scalar_text(reader, key_event);
    if (!key)
        return FALSE;
    const ConfNode *before = g_hash_table_lookup(seen, key);
    if (before) {
        fail_at(reader, &key_event->start_mark, "the key \"%s\" stands already in line %u", key,
                before->key_line);
        return FALSE;
    }
    g_auto(yaml_event_t) event = {0};
    if (!next_event(reader, &event))
        return FALSE;
    ConfNode *child = read_node(reader, &event, node->file, depth + 1);
    if (!child)
        return FALSE;
    child->key = g_steal_pointer(&key);
    child->key_line = (guint)key_event->start_mark.line + 1;
    child->key_column = (guint)key_event->start_mark.column + 1;
    g_ptr_array_add(node->children, child);
    g_hash_table_insert(seen, child->key, child);
    return TRUE;
}

static gboolean read_mapping(Reader *reader, ConfNode *node, guint depth)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (;;) {
        g_auto(yaml_event_t) event = {0};
        if (!next_event(reader, &event))
            return FALSE;
        if (event.type == YAML_MAPPING_END_EVENT)
            return TRUE;
        if (!read_member(reader, node, &event, seen, depth))
            return FALSE;
    }
}

/* The node that begins with this event. */
static ConfNode *read_node(Reader *reader, const yaml_event_t *event, const char *file,
                           guint depth)
{
    if (!check_plain_yaml(reader, event))
        return NULL;
    if (depth > CONF_DEPTH_MAX) {
        fail_at(reader, &event->start_mark, "nested deeper than %u levels", CONF_DEPTH_MAX);
        return NULL;
    }
    if (++reader->nodes > CONF_NODES_MAX) {
        fail_at(reader, &event->start_mark, "more than %u values", CONF_NODES_MAX);
        return NULL;
    }
    ConfNodeKind kind = event->type == YAML_SCALAR_EVENT           ? CONF_NODE_SCALAR
                        : event->type == YAML_SEQUENCE_START_EVENT ? CONF_NODE_SEQUENCE
                                                                   : CONF_NODE_MAPPING;
    ConfNode *node = node_at(kind, file, (guint)event->start_mark.line + 1,
                             (guint)event->start_mark.column + 1);
    node->given = TRUE;
    gboolean read = FALSE;
    switch (kind) {
    case CONF_NODE_SCALAR:
        node->text = scalar_text(reader, event);
        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        read = node->text != NULL;
        break;
    case CONF_NODE_SEQUENCE:
        read = read_sequence(reader, node, depth);
        break;
    case CONF_NODE_MAPPING:
        read = read_mapping(reader, node, depth);
        break;
    }
    if (read)
        return node;
    conf_node_free(node);
    return NULL;
}

/* The stream: a start, at most one document of one node, an end. */
static ConfNode *read_stream(Reader *reader)
{
    g_autoptr(ConfNode) root = NULL;
    for (;;) {
        g_auto(yaml_event_t) event = {0};
        if (!next_event(reader, &event))
            return NULL;
        switch (event.type) {
        case YAML_STREAM_END_EVENT:
            return root ? g_steal_pointer(&root)
                        : node_at(CONF_NODE_MAPPING, reader->name, 1, 1);
        case YAML_DOCUMENT_START_EVENT:
            if (event.data.document_start.version_directive ||
                event.data.document_start.tag_directives.start !=
                    event.data.document_start.tag_directives.end) {
                fail_at(reader, &event.start_mark, "directives (%%...) are not taken here");
                return NULL;
            }
            if (root) {
                fail_at(reader, &event.start_mark,
                        "expected one document, a second begins here");
                return NULL;
            }
            break;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        default:
            root = read_node(reader, &event, reader->name, 1);
            if (!root)
                return NULL;
        }
    }
}

ConfNode *conf_yaml_parse(const char *name, const char *text, size_t length, GError **error)
{
    if (length > CONF_SIZE_MAX) {
        wire_error_set(error, WIRE_ERROR_CONFIG, "%s: larger than %u bytes", name,
                       CONF_SIZE_MAX);
        return NULL;
    }
    /* Interned, because every node of the tree points to it, and a program reads
     * a handful of files in its life. */
    Reader reader = {
        .name = g_intern_string(name), .text = text, .length = length, .error = error};
    if (!yaml_parser_initialize(&reader.parser))
        g_error("out of memory");
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    ConfNode *root = read_stream(&reader);
    yaml_parser_delete(&reader.parser);
    return root;
}

/* At most CONF_SIZE_MAX + 1 bytes; a FIFO or device is refused, not waited for. */
static GString *read_file(const char *path, GError **error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        wire_error_set(error, errno == ENOENT ? WIRE_ERROR_NOT_FOUND : WIRE_ERROR_CONFIG,
                       "%s: can't be opened: %s", path, g_strerror(errno));
        return NULL;
    }
    struct stat status;
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[16384];
    ssize_t got = -1;
    if (fstat(descriptor, &status) == 0 && !S_ISREG(status.st_mode))
        wire_error_set(error, WIRE_ERROR_CONFIG, "%s: not a regular file", path);
    else {
        while ((got = read(descriptor, buffer, sizeof buffer)) > 0 &&
               text->len <= CONF_SIZE_MAX)
            g_string_append_len(text, buffer, got);
        if (got < 0)
            wire_error_set(error, WIRE_ERROR_CONFIG, "%s: can't be read: %s", path,
                           g_strerror(errno));
    }
    (void)close(descriptor);
    return got < 0 ? NULL : g_steal_pointer(&text);
}

ConfNode *conf_yaml_load(const char *path, GError **error)
{
    g_autoptr(GString) text = read_file(path, error);
    return text ? conf_yaml_parse(path, text->str, text->len, error) : NULL;
}
