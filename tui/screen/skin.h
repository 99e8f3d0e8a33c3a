/* screen/skin - roles of text and the colours that a skin gives them.
 *
 * Views name roles, never colours. A skin is a table of roles to colours:
 * the terminal's own ("default", "red", "bright-blue"), one of its 256
 * ("208"), or an exact one ("#5fafd7") that is brought down to what the
 * terminal has. Without colour (NO_COLOR, a monochrome terminal) only the
 * attributes remain; glyphs and words carry the meaning anyway.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    ROLE_TEXT,
    ROLE_DIM,      /* old, unknown, greyed */
    ROLE_TITLE,    /* the place, headings */
    ROLE_HEADING,  /* of columns */
    ROLE_ACCENT,   /* the cursor, the sorted column, keys */
    ROLE_RUNNING,  /* running and nothing else */
    ROLE_WARNING,  /* degraded, waiting */
    ROLE_ERROR,    /* lost, failed */
    ROLE_MARK,     /* marked rows */
    ROLE_STATUS,   /* the line at the top */
    ROLE_KEYS,     /* the line at the bottom */
    ROLE_INPUT,    /* what is being typed */
    ROLE_SELECTED, /* the chosen line of a menu, a tab */
    ROLE_MATCH,    /* what a search found */
    ROLE_CHART,
    ROLE_BORDER,
    ROLE_COUNT
} Role;

/* A colour: SKIN_DEFAULT, 0 to 255, or SKIN_EXACT | 0xRRGGBB. */
#define SKIN_DEFAULT (-1)
#define SKIN_EXACT   0x1000000

enum { SKIN_BOLD = 1, SKIN_DIM = 2, SKIN_UNDERLINE = 4, SKIN_REVERSE = 8 };

typedef struct {
    int foreground, background;
    unsigned attributes;
} SkinStyle;

typedef struct {
    char *name;
    SkinStyle styles[ROLE_COUNT];
} Skin;

const char *skin_role_name(Role role);
bool skin_role_from_name(const char *name, Role *out);

/* A copy of a built-in skin; NULL when there is none of that name. */
Skin *skin_builtin(const char *name);
/* Names of the built-in skins, NULL-terminated, static. */
const char *const *skin_names(void);
void skin_free(Skin *skin);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Skin, skin_free)

/* One line of a user's skin: "bold white on #303030". WIRE_ERROR_CONFIG. */
gboolean skin_style_parse(const char *text, SkinStyle *out, GError **error);

/* The nearest of 256, 16 or 8 colours to a colour. */
int skin_nearest(int colour, int colours);
