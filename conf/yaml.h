/* conf/yaml - a YAML file as a tree of nodes that know where they stand.
 *
 * The first half of reading a configuration: text in, tree out. What the tree
 * may hold is the second half's business (conf/schema.h).
 *
 * Only the plain part of YAML is taken. One document; mappings with scalar
 * keys, sequences, scalars. Refused, with file, line and column: anchors and
 * aliases (a few lines could unfold to gigabytes), tags, directives, a second
 * document, a key that stands twice, control characters in a value, text that
 * is not UTF-8, more than CONF_SIZE_MAX bytes, CONF_NODES_MAX nodes or
 * CONF_DEPTH_MAX levels.
 *
 * Scalars are kept as text: the schema says what they have to be, so that a
 * user called "no" or a node called "1e3" stays what was written.
 *
 * Errors are WIRE_ERROR_CONFIG and read "FILE:LINE:COLUMN: what was expected";
 * lines and columns count from 1, columns in characters. A file that can't be
 * opened is WIRE_ERROR_NOT_FOUND when it does not exist, else
 * WIRE_ERROR_CONFIG.
 */
#pragma once

#include <glib.h>

#define CONF_SIZE_MAX  (1u << 20)
#define CONF_DEPTH_MAX 16u
#define CONF_NODES_MAX 20000u

typedef enum { CONF_NODE_SCALAR, CONF_NODE_SEQUENCE, CONF_NODE_MAPPING } ConfNodeKind;

typedef struct ConfNode ConfNode;
struct ConfNode {
    ConfNodeKind kind;
    char *key;          /* in a mapping: the key it stands under; else NULL */
    char *text;         /* of a scalar; never NULL there */
    gboolean plain;     /* a scalar without quotes */
    gboolean given;     /* it stands in the file; FALSE for a default */
    gint64 number;      /* set by the schema: the integer, boolean or choice */
    const char *file;   /* the file's name, interned */
    guint line, column; /* of the value, from 1 */
    guint key_line, key_column;
    GPtrArray *children; /* owned ConfNode *, in the file's order; not in a scalar */
};

/* Reads and parses. An empty file is an empty mapping. */
ConfNode *conf_yaml_load(const char *path, GError **error);
/* The same for text; name stands for the file in messages. */
ConfNode *conf_yaml_parse(const char *name, const char *text, size_t length, GError **error);

/* A node that does not stand in the file, at the place of parent. */
ConfNode *conf_node_new(ConfNodeKind kind, const char *key, const ConfNode *parent);
void conf_node_free(ConfNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfNode, conf_node_free)

/* Sets WIRE_ERROR_CONFIG with the node's place before the message. */
void conf_node_error(const ConfNode *node, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* The same with the place of the node's key. */
void conf_node_key_error(const ConfNode *node, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
