#include "tui/widget/form.h"

#include "tui/screen/text.h"
#include "tui/widget/input.h"

#include <string.h>

enum { COLUMNS = 72 };

typedef struct {
    Overlay overlay;
    char *title, *text, *consent, *word;
    bool danger;
    guint count, at;
    char *labels[FORM_FIELDS_MAX];
    Input inputs[FORM_FIELDS_MAX];
    FormAnswer answer;
    gpointer user;
    GDestroyNotify free_user;
    guint scroll;
} Form;

static bool word_is_typed(const Form *form)
{
    return !form->word || strcmp(form->inputs[0].text->str, form->word) == 0;
}

static void draw_buttons(const Form *form, Screen *screen, Box inside)
{
    int row = inside.row + inside.rows - 1, column = inside.column + 1;
    Role role = form->danger ? ROLE_ERROR : ROLE_ACCENT;
    bool ready = word_is_typed(form);
    column += draw_text(screen, row, column, 6, ready ? role : ROLE_DIM,
                        form->count ? "Enter " : "y ");
    column += draw_text(screen, row, column, inside.columns - 16, ready ? ROLE_TEXT : ROLE_DIM,
                        form->consent);
    draw_text(screen, row, column + 3, 12, ROLE_ACCENT, "Esc");
    draw_text(screen, row, column + 7, 12, ROLE_TEXT, form->count ? "leave" : "no");
}

static void form_draw(Overlay *overlay, Screen *screen)
{
    Form *form = (Form *)overlay;
    int columns = MIN(COLUMNS, screen_columns(screen) - 2);
    g_auto(GStrv) lines = text_wrap(form->text, columns - 4);
    int text_rows = (int)g_strv_length(lines);
    int extra = (int)form->count + (form->count ? 1 : 0) + 4;
    int rows = MIN(text_rows + extra, screen_rows(screen) - 2);
    Box inside = draw_frame(screen, draw_centre(screen, rows, columns),
                            form->danger ? ROLE_ERROR : ROLE_BORDER, form->title);
    int room = MAX(rows - extra, 0);
    form->scroll = MIN(form->scroll, (guint)MAX(text_rows - room, 0));
    int row = inside.row;
    for (int i = 0; i < room; i++)
        draw_text(screen, row++, inside.column + 1, inside.columns - 2, ROLE_TEXT,
                  lines[form->scroll + (guint)i]);
    if (text_rows > room)
        draw_text(screen, row, inside.column + 1, inside.columns - 2, ROLE_DIM,
                  "(PgUp and PgDn scroll the text)");
    row++;
    int label = 0;
    for (guint i = 0; i < form->count; i++)
        label = MAX(label, MIN(text_columns(form->labels[i], screen_utf8(screen)), 40));
    for (int pass = 0; pass < 2; pass++) {
        /* The field at hand last, so that the cursor is in it. */
        for (guint i = 0; i < form->count; i++) {
            if ((i == form->at) != (pass == 1))
                continue;
            draw_field(screen, row + (int)i, inside.column + 1, label,
                       i == form->at ? ROLE_ACCENT : ROLE_TEXT, ALIGN_LEFT, form->labels[i]);
            input_draw(&form->inputs[i], screen, row + (int)i, inside.column + label + 2,
                       inside.columns - label - 4);
        }
    }
    draw_buttons(form, screen, inside);
}

static void finish(const Form *form, bool given)
{
    const char *answers[FORM_FIELDS_MAX + 1] = {NULL};
    for (guint i = 0; i < form->count; i++)
        answers[i] = form->inputs[i].text->str;
    form->answer(given ? answers : NULL, form->user);
}

static bool form_key(Overlay *overlay, Key key)
{
    Form *form = (Form *)overlay;
    if (key == K_ESC || key == K_CTRL('c') ||
        (form->count == 0 && (key == 'n' || key == 'q'))) {
        finish(form, false);
        return false;
    }
    if (key == K_PAGE_DOWN)
        form->scroll += 5;
    else if (key == K_PAGE_UP)
        form->scroll -= MIN(form->scroll, 5);
    else if (form->count == 0 && (key == 'y' || key == 'Y')) {
        finish(form, true);
        return false;
    } else if (form->count && (key == K_TAB || key == K_DOWN)) {
        form->at = (form->at + 1) % form->count;
    } else if (form->count && (key == K_BACK_TAB || key == K_UP)) {
        form->at = (form->at + form->count - 1) % form->count;
    } else if (form->count && key == K_ENTER) {
        if (form->at + 1 < form->count) {
            form->at++;
        } else if (word_is_typed(form)) {
            finish(form, true);
            return false;
        }
    } else if (form->count) {
        (void)input_key(&form->inputs[form->at], key);
    }
    return true;
}

static void form_free(Overlay *overlay)
{
    Form *form = (Form *)overlay;
    for (guint i = 0; i < form->count; i++) {
        g_free(form->labels[i]);
        input_clear(&form->inputs[i]);
    }
    if (form->free_user)
        form->free_user(form->user);
    g_free(form->title);
    g_free(form->text);
    g_free(form->consent);
    g_free(form->word);
    g_free(form);
}

Overlay *form_new(const FormSetup *setup)
{
    static const OverlayClass class = {form_draw, form_key, form_free, true};
    Form *form = g_new0(Form, 1);
    form->overlay.class = &class;
    form->title = g_strdup(setup->title);
    form->text = g_strdup(setup->text ? setup->text : "");
    form->consent = g_strdup(setup->consent);
    form->word = g_strdup(setup->word);
    form->danger = setup->danger;
    form->answer = setup->answer;
    form->user = setup->user;
    form->free_user = setup->free_user;
    form->count = MIN(setup->count, FORM_FIELDS_MAX);
    for (guint i = 0; i < form->count; i++) {
        form->labels[i] = text_clean(setup->fields[i].label);
        input_init(&form->inputs[i], setup->fields[i].value);
        form->inputs[i].hidden = setup->fields[i].hidden;
    }
    return &form->overlay;
}
