#include "tui/screen/skin.h"

#include "backend/wire/error.h"

#include <string.h>

static const char *const role_names[ROLE_COUNT] = {
    [ROLE_TEXT] = "text",         [ROLE_DIM] = "dim",       [ROLE_TITLE] = "title",
    [ROLE_HEADING] = "heading",   [ROLE_ACCENT] = "accent", [ROLE_RUNNING] = "running",
    [ROLE_WARNING] = "warning",   [ROLE_ERROR] = "error",   [ROLE_MARK] = "mark",
    [ROLE_STATUS] = "status",     [ROLE_KEYS] = "keys",     [ROLE_INPUT] = "input",
    [ROLE_SELECTED] = "selected", [ROLE_MATCH] = "match",   [ROLE_CHART] = "chart",
    [ROLE_BORDER] = "border",
};

static const struct {
    const char *name;
    const char *styles[ROLE_COUNT];
} builtin[] = {
    /* The terminal's own eight colours: follows whatever the person has set. */
    {"terminal",
     {[ROLE_TEXT] = "default",
      [ROLE_DIM] = "dim default",
      [ROLE_TITLE] = "bold default",
      [ROLE_HEADING] = "dim default",
      [ROLE_ACCENT] = "cyan",
      [ROLE_RUNNING] = "green",
      [ROLE_WARNING] = "yellow",
      [ROLE_ERROR] = "bold red",
      [ROLE_MARK] = "cyan",
      [ROLE_STATUS] = "default",
      [ROLE_KEYS] = "dim default",
      [ROLE_INPUT] = "bold default",
      [ROLE_SELECTED] = "reverse default",
      [ROLE_MATCH] = "reverse yellow",
      [ROLE_CHART] = "cyan",
      [ROLE_BORDER] = "dim default"}},
    {"dusk",
     {[ROLE_TEXT] = "#c8ccd4 on #1c1f26",
      [ROLE_DIM] = "#737a88 on #1c1f26",
      [ROLE_TITLE] = "bold #e6e9ef on #1c1f26",
      [ROLE_HEADING] = "#8a93a6 on #1c1f26",
      [ROLE_ACCENT] = "#6cb6eb on #1c1f26",
      [ROLE_RUNNING] = "#8cc265 on #1c1f26",
      [ROLE_WARNING] = "#e5b567 on #1c1f26",
      [ROLE_ERROR] = "bold #f07178 on #1c1f26",
      [ROLE_MARK] = "#6cb6eb on #1c1f26",
      [ROLE_STATUS] = "#e6e9ef on #2a2f3a",
      [ROLE_KEYS] = "#a3abbb on #2a2f3a",
      [ROLE_INPUT] = "bold #e6e9ef on #1c1f26",
      [ROLE_SELECTED] = "#1c1f26 on #6cb6eb",
      [ROLE_MATCH] = "#1c1f26 on #e5b567",
      [ROLE_CHART] = "#6cb6eb on #1c1f26",
      [ROLE_BORDER] = "#4a5162 on #1c1f26"}},
    {"paper",
     {[ROLE_TEXT] = "#2b2b2b on #fbfaf6",
      [ROLE_DIM] = "#85827a on #fbfaf6",
      [ROLE_TITLE] = "bold #111111 on #fbfaf6",
      [ROLE_HEADING] = "#6b685f on #fbfaf6",
      [ROLE_ACCENT] = "#0b6bb0 on #fbfaf6",
      [ROLE_RUNNING] = "#2d7d32 on #fbfaf6",
      [ROLE_WARNING] = "#a86200 on #fbfaf6",
      [ROLE_ERROR] = "bold #c0272d on #fbfaf6",
      [ROLE_MARK] = "#0b6bb0 on #fbfaf6",
      [ROLE_STATUS] = "#111111 on #e8e5da",
      [ROLE_KEYS] = "#55524a on #e8e5da",
      [ROLE_INPUT] = "bold #111111 on #fbfaf6",
      [ROLE_SELECTED] = "#fbfaf6 on #0b6bb0",
      [ROLE_MATCH] = "#111111 on #f2d479",
      [ROLE_CHART] = "#0b6bb0 on #fbfaf6",
      [ROLE_BORDER] = "#b5b1a4 on #fbfaf6"}},
};

static const char *const builtin_names[] = {"terminal", "dusk", "paper", NULL};

static const char *const colour_names[] = {"black", "red",     "green", "yellow",
                                           "blue",  "magenta", "cyan",  "white"};

const char *skin_role_name(Role role)
{
    return (unsigned)role < ROLE_COUNT ? role_names[role] : "?";
}

bool skin_role_from_name(const char *name, Role *out)
{
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(role_names[i], name) == 0) {
            *out = (Role)i;
            return true;
        }
    }
    return false;
}

static bool parse_colour(const char *word, int *out)
{
    guint64 number;
    if (strcmp(word, "default") == 0) {
        *out = SKIN_DEFAULT;
        return true;
    }
    if (*word == '#' && strlen(word) == 7 &&
        g_ascii_string_to_unsigned(word + 1, 16, 0, 0xFFFFFF, &number, NULL)) {
        *out = SKIN_EXACT | (int)number;
        return true;
    }
    if (g_ascii_string_to_unsigned(word, 10, 0, 255, &number, NULL)) {
        *out = (int)number;
        return true;
    }
    int base = 0;
    if (g_str_has_prefix(word, "bright-")) {
        base = 8;
        word += strlen("bright-");
    }
    for (size_t i = 0; i < G_N_ELEMENTS(colour_names); i++) {
        if (strcmp(word, colour_names[i]) == 0) {
            *out = base + (int)i;
            return true;
        }
    }
    return false;
}

gboolean skin_style_parse(const char *text, SkinStyle *out, GError **error)
{
    static const char *const attributes[] = {"bold", "dim", "underline", "reverse", NULL};
    SkinStyle style = {SKIN_DEFAULT, SKIN_DEFAULT, 0};
    g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
    bool background = false;
    for (char **word = words; *word; word++) {
        bool is_attribute = false;
        for (int i = 0; attributes[i]; i++) {
            if (strcmp(*word, attributes[i]) == 0) {
                style.attributes |= 1u << i;
                is_attribute = true;
            }
        }
        if (!**word || is_attribute)
            continue;
        if (strcmp(*word, "on") == 0) {
            background = true;
        } else if (!parse_colour(*word, background ? &style.background : &style.foreground)) {
            wire_error_set(error, WIRE_ERROR_CONFIG,
                           "%s is not a colour: a name such as red or bright-blue, a number "
                           "to 255, or #rrggbb",
                           *word);
            return FALSE;
        }
    }
    *out = style;
    return TRUE;
}

const char *const *skin_names(void)
{
    return builtin_names;
}

Skin *skin_builtin(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(builtin); i++) {
        if (strcmp(builtin[i].name, name) != 0)
            continue;
        Skin *skin = g_new0(Skin, 1);
        skin->name = g_strdup(name);
        for (int role = 0; role < ROLE_COUNT; role++)
            if (!skin_style_parse(builtin[i].styles[role], &skin->styles[role], NULL))
                skin->styles[role] = (SkinStyle){SKIN_DEFAULT, SKIN_DEFAULT, 0};
        return skin;
    }
    return NULL;
}

void skin_free(Skin *skin)
{
    if (!skin)
        return;
    g_free(skin->name);
    g_free(skin);
}

/* The 16 first colours as xterm has them; beyond, the cube and the greys. */
static int colour_value(int index)
{
    static const int basic[16] = {0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD,
                                  0x00CDCD, 0xE5E5E5, 0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00,
                                  0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF};
    static const int levels[6] = {0, 95, 135, 175, 215, 255};
    if (index < 16)
        return basic[index];
    if (index >= 232) {
        int grey = 8 + (index - 232) * 10;
        return grey << 16 | grey << 8 | grey;
    }
    index -= 16;
    return levels[index / 36] << 16 | levels[index / 6 % 6] << 8 | levels[index % 6];
}

static int distance(int a, int b)
{
    int red = (a >> 16 & 255) - (b >> 16 & 255), green = (a >> 8 & 255) - (b >> 8 & 255),
        blue = (a & 255) - (b & 255);
    return 3 * red * red + 4 * green * green + 2 * blue * blue;
}

int skin_nearest(int colour, int colours)
{
    if (colour < 0 || (colour < SKIN_EXACT && colour < colours))
        return colour;
    int value = colour & SKIN_EXACT ? colour & 0xFFFFFF : colour_value(colour);
    /* Of 256 the first 16 are the person's own: not to be counted on. */
    int first = colours >= 256 ? 16 : 0, last = MIN(colours, 256), best = first;
    for (int i = first; i < last; i++)
        if (distance(colour_value(i), value) < distance(colour_value(best), value))
            best = i;
    return best;
}
