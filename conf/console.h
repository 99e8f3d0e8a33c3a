/* conf/console - what the console is told: config.yaml and clusters.yaml in
 * $XDG_CONFIG_HOME/gantry (~/.config/gantry).
 *
 * Both files may be absent. Names that only the console knows (actions, keys,
 * roles of a skin, columns) are checked through ConsoleNames, so that a wrong
 * one is refused with its place like everything else. The shipped
 * conf/config.yaml and conf/clusters.yaml are examples; the tables in console.c
 * are where keys are defined.
 */
#pragma once

#include "conf/schema.h"

typedef enum {
    CONSOLE_COLOURS_AUTO, /* what the terminal has */
    CONSOLE_COLOURS_8,
    CONSOLE_COLOURS_16,
    CONSOLE_COLOURS_256,
    CONSOLE_COLOURS_TRUE
} ConsoleColours;

typedef enum {
    CONSOLE_CHARTS_AUTO,
    CONSOLE_CHARTS_BRAILLE,
    CONSOLE_CHARTS_BLOCKS,
    CONSOLE_CHARTS_ASCII
} ConsoleCharts;

typedef enum { CONSOLE_APPLIES_GUEST, CONSOLE_APPLIES_NODE } ConsoleApplies;

/* A name with words: a role and its style, an action and its keys, a view and
 * its columns. */
typedef struct {
    char *name;
    char **words;
} ConsoleWords;

/* A command of the user's own, run here, never through a shell: {id}, {name} and
 * {node} in a word are replaced by those of the object. */
typedef struct {
    char *name;
    char *key; /* NULL: from the palette only */
    char **command;
    gboolean dangerous; /* asks first */
    ConsoleApplies applies;
} ConsoleCommand;

typedef struct {
    char *name;
    char **nodes;      /* targets */
    ConsoleWords *via; /* node: one before it in nodes, through which it is reached */
} ConsoleCluster;

typedef struct {
    ConsoleColours colours;
    gboolean ascii;
    gboolean mouse;
    gboolean readonly;
    ConsoleCharts charts;
    char *skin;            /* a built-in one */
    ConsoleWords *styles;  /* role: style; a name of NULL ends each of these */
    ConsoleWords *keys;    /* action: keys */
    ConsoleWords *columns; /* view: columns */
    ConsoleCommand *commands;
} ConsoleConfig;

/* What the console knows; a NULL function accepts everything. */
typedef struct {
    bool (*action)(const char *name);
    bool (*key)(const char *text);
    bool (*skin)(const char *name);
    bool (*role)(const char *name);
    bool (*style)(const char *text);
    bool (*view)(const char *name);
    bool (*column)(const char *view, const char *name);
} ConsoleNames;

/* path NULL: the user's config.yaml, which may be absent. Errors as in
 * conf/yaml.h. names may be NULL. */
ConsoleConfig *conf_console_load(const char *path, const ConsoleNames *names, GError **error);
ConsoleConfig *conf_console_parse(const char *name, const char *text, size_t length,
                                  const ConsoleNames *names, GError **error);
/* What a cluster says for the consoles of all its people: charts, skin, styles, keys and
 * columns of config.yaml, and nothing else. Least of all commands: whoever may change the
 * cluster would run programs on everybody's machine. All else is as by default. */
ConsoleConfig *conf_shared_parse(const char *name, const char *text, size_t length,
                                 const ConsoleNames *names, GError **error);
#define CONF_SHARED_MAX 65536 /* bytes of such a text */
void conf_console_free(ConsoleConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsoleConfig, conf_console_free)

/* The clusters of clusters.yaml, ended by one without a name; path NULL: the
 * user's own, which may be absent. */
ConsoleCluster *conf_clusters_load(const char *path, GError **error);
ConsoleCluster *conf_clusters_parse(const char *name, const char *text, size_t length,
                                    GError **error);
void conf_clusters_free(ConsoleCluster *clusters);

/* The argv of a command for an object. Free with g_strfreev(). */
char **conf_command_expand(const ConsoleCommand *command, const char *id, const char *name,
                           const char *node);

/* The schemas of the two files. */
const ConfEntry *conf_console_entries(void);
const ConfEntry *conf_clusters_entries(void);
const ConfEntry *conf_shared_entries(void);
