#include "tui/model/filter.h"

#include "backend/wire/error.h"

#include <math.h>
#include <string.h>

enum { TERMS_MAX = 32, TEXT_MAX = 1024 };

typedef enum { OP_HAS, OP_IS, OP_LESS, OP_LESS_EQUAL, OP_MORE, OP_MORE_EQUAL } Operator;

typedef struct {
    bool negated;
    int field; /* -1: every text field */
    Operator op;
    bool unknown;        /* field:- */
    char *text, *folded; /* as written, and in lower case */
    double number;       /* NAN when the value is not a number */
    GRegex *regex;
} Term;

struct Filter {
    ObjectKind kind;
    GArray *terms;
    guint64 fields;
    const ModelField *texts[MODEL_FIELDS_MAX + 1]; /* where a bare value is looked for */
};

static void term_clear(gpointer data)
{
    Term *term = data;
    g_clear_pointer(&term->text, g_free);
    g_clear_pointer(&term->folded, g_free);
    g_clear_pointer(&term->regex, g_regex_unref);
}

void filter_free(Filter *filter)
{
    if (!filter)
        return;
    g_array_unref(filter->terms);
    g_free(filter);
}

bool filter_is_empty(const Filter *filter)
{
    return filter->terms->len == 0;
}

guint64 filter_fields(const Filter *filter)
{
    return filter->fields;
}

/* One word up to a space; quotes keep spaces in. */
static char *next_token(const char **cursor)
{
    const char *p = *cursor;
    while (*p == ' ' || *p == '\t')
        p++;
    if (!*p)
        return NULL;
    GString *token = g_string_new(NULL);
    bool quoted = false;
    for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
        if (*p == '"')
            quoted = !quoted;
        g_string_append_c(token, *p);
    }
    *cursor = p;
    return g_string_free(token, FALSE);
}

static char *unquote(const char *value)
{
    GString *text = g_string_new(NULL);
    for (; *value; value++)
        if (*value != '"')
            g_string_append_c(text, *value);
    return g_string_free(text, FALSE);
}

static int find_field(ObjectKind kind, const char *name, size_t length)
{
    g_autofree char *word = g_ascii_strdown(name, (gssize)length);
    static const char *const aliases[][2] = {
        {"tag", "tags"},   {"address", "addresses"}, {"ip", "addresses"}, {"uptime", "started"},
        {"up", "started"}, {"vcpu", "vcpus"},        {"rss", "mem_rss"},
    };
    int found = model_field_find(kind, word);
    for (size_t i = 0; found < 0 && i < G_N_ELEMENTS(aliases); i++)
        if (strcmp(word, aliases[i][0]) == 0)
            found = model_field_find(kind, aliases[i][1]);
    if (found < 0 && strcmp(word, "up") == 0)
        found = model_field_find(kind, "boot");
    return found;
}

/* "50", "50%", "2G", "1.5GiB"; of times "2d". NAN when it is none of these. */
static double parse_number(const ModelField *field, const char *text)
{
    static const struct {
        char letter;
        double factor;
    } sizes[] = {{'k', 0x1p10}, {'m', 0x1p20}, {'g', 0x1p30},
                 {'t', 0x1p40}, {'%', 1},      {'b', 1}},
      times[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    double number = g_ascii_strtod(text, &end);
    if (end == text || !isfinite(number))
        return NAN;
    if (!*end)
        return number;
    bool is_time = field->meaning == MEANS_SINCE;
    for (size_t i = 0; i < (is_time ? G_N_ELEMENTS(times) : G_N_ELEMENTS(sizes)); i++)
        if (g_ascii_tolower(*end) == (is_time ? times[i].letter : sizes[i].letter))
            return number * (is_time ? times[i].factor : sizes[i].factor);
    return NAN;
}

static bool split_operator(const char *token, size_t *name, Operator *op, bool *negated,
                           const char **value)
{
    *name = strcspn(token, ":=<>!\"~");
    const char *at = token + *name;
    *negated = false;
    if (*name == 0 || !*at || *at == '"' || *at == '~')
        return false;
    if (at[0] == '!' && at[1] == '=') {
        *negated = true;
        *op = OP_IS;
        *value = at + 2;
    } else if (at[0] == '<' || at[0] == '>') {
        bool equal = at[1] == '=';
        *op = at[0] == '<' ? (equal ? OP_LESS_EQUAL : OP_LESS)
                           : (equal ? OP_MORE_EQUAL : OP_MORE);
        *value = at + 1 + equal;
    } else if (at[0] == ':' || at[0] == '=') {
        *op = at[0] == ':' ? OP_HAS : OP_IS;
        *value = at + 1;
    } else {
        return false;
    }
    return true;
}

static bool compile_regex(Term *term, const char *token, GError **error)
{
    g_autoptr(GError) reason = NULL;
    /* A limit, so that no expression can hold the screen up. */
    g_autofree char *pattern = g_strconcat("(*LIMIT_MATCH=5000)", term->text + 1, NULL);
    term->regex =
        g_regex_new(pattern, G_REGEX_CASELESS | G_REGEX_OPTIMIZE, (GRegexMatchFlags)0, &reason);
    if (term->regex)
        return true;
    wire_error_set(error, WIRE_ERROR_PARAMS, "%s: not a regular expression", token);
    return false;
}

static bool parse_term(ObjectKind kind, const char *token, Term *term, GError **error)
{
    size_t name;
    const char *value;
    bool not_equal = false;
    *term = (Term){.field = -1, .number = NAN};
    if (*token == '!' && token[1]) {
        term->negated = true;
        token++;
    }
    if (split_operator(token, &name, &term->op, &not_equal, &value)) {
        term->field = find_field(kind, token, name);
        /* An address such as fe80::1 has colons and is no field. */
        if (term->field < 0 && *(token + name) == ':' && strchr(value, ':')) {
            value = token;
            term->op = OP_HAS;
        } else if (term->field < 0) {
            wire_error_set(error, WIRE_ERROR_PARAMS, "%.*s is not a field here", (int)name,
                           token);
            return false;
        }
    } else {
        value = token;
        term->op = OP_HAS;
    }
    term->negated ^= not_equal;
    term->text = unquote(value);
    term->folded = g_ascii_strdown(term->text, -1);
    term->unknown = strcmp(value, "-") == 0 && term->field >= 0;
    if (*term->text == '~' && term->text[1] && *value != '"')
        return compile_regex(term, token, error);
    if (term->field < 0 || term->unknown)
        return true;
    const ModelField *field = &model_fields(kind)[term->field];
    if (field->meaning == MEANS_YES) {
        term->number = g_ascii_strcasecmp(term->text, "yes") == 0 ||
                               strcmp(term->text, "1") == 0 ||
                               g_ascii_strcasecmp(term->text, "true") == 0
                           ? 1
                           : 0;
        return true;
    }
    bool numeric = model_field_is_number(field);
    if (numeric)
        term->number = parse_number(field, term->text);
    if (numeric && isnan(term->number) && *term->text) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "%s: %s is not a number", token, term->text);
        return false;
    }
    if (!numeric && term->op > OP_IS && field->meaning != MEANS_ID) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "%s: %s is text, ask with : or =", token,
                       field->name);
        return false;
    }
    if (field->meaning == MEANS_ID)
        term->number = g_ascii_strtod(term->text, NULL);
    return true;
}

/* Collects the fields of text; their bits. */
static guint64 text_fields(ObjectKind kind, const ModelField **texts)
{
    guint64 bits = 0;
    const ModelField *fields = model_fields(kind);
    for (int i = 0; fields[i].name; i++) {
        if (model_field_is_number(&fields[i]) || fields[i].meaning == MEANS_CLOCK)
            continue;
        bits |= G_GUINT64_CONSTANT(1) << i;
        *texts++ = &fields[i];
    }
    *texts = NULL;
    return bits;
}

/* Worked-out fields depend on others; a change of any of the kind's numbers may
 * change them. */
static guint64 depends_on(ObjectKind kind, int field)
{
    const ModelField *fields = model_fields(kind);
    if (fields[field].number || fields[field].text)
        return ~G_GUINT64_CONSTANT(0);
    return G_GUINT64_CONSTANT(1) << field;
}

static bool parse_terms(Filter *filter, ObjectKind kind, const char *text, GError **error)
{
    guint64 all_texts = text_fields(kind, filter->texts);
    if (strlen(text) > TEXT_MAX || !g_utf8_validate(text, -1, NULL)) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "the filter is too long");
        return false;
    }
    char *token;
    while ((token = next_token(&text))) {
        g_autofree char *owned = token;
        Term term;
        if (filter->terms->len >= TERMS_MAX) {
            wire_error_set(error, WIRE_ERROR_LIMIT, "the filter has too many terms");
            return false;
        }
        bool parsed = parse_term(kind, owned, &term, error);
        if (!parsed) {
            term_clear(&term);
            return false;
        }
        /* "state:" while it is being typed is no condition yet. */
        if (!*term.text) {
            term_clear(&term);
            continue;
        }
        g_array_append_val(filter->terms, term);
        filter->fields |= term.field < 0 ? all_texts : depends_on(kind, term.field);
    }
    return true;
}

Filter *filter_parse(ObjectKind kind, const char *text, GError **error)
{
    Filter *filter = g_new0(Filter, 1);
    filter->kind = kind;
    filter->terms = g_array_new(FALSE, TRUE, sizeof(Term));
    g_array_set_clear_func(filter->terms, term_clear);
    if (!parse_terms(filter, kind, text, error)) {
        filter_free(filter);
        return NULL;
    }
    return filter;
}

static inline char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Without regard to the case of ASCII; needle is in lower case. A table of ten
 * thousand is gone through at each key: strcasestr() takes four times as long. */
static bool contains(const char *text, const char *needle)
{
    for (; *text; text++) {
        if (lower(*text) != *needle)
            continue;
        size_t i = 1;
        while (needle[i] && lower(text[i]) == needle[i])
            i++;
        if (!needle[i])
            return true;
    }
    return false;
}

/* One whole word of a list kept with spaces between. */
static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; *at;) {
        size_t here = strcspn(at, " ");
        if (here == length && g_ascii_strncasecmp(at, word, length) == 0)
            return true;
        at += here + strspn(at + here, " ");
    }
    return false;
}

static bool text_matches(const Term *term, const ModelField *field, const char *text)
{
    if (term->regex)
        return g_regex_match(term->regex, text, (GRegexMatchFlags)0, NULL);
    if (term->op == OP_IS)
        return field->storage == STORE_WORDS ? has_word(text, term->text)
                                             : g_ascii_strcasecmp(text, term->text) == 0;
    return contains(text, term->folded);
}

static bool compare(Operator op, double value, double wanted)
{
    switch (op) {
    case OP_LESS:
        return value < wanted;
    case OP_LESS_EQUAL:
        return value <= wanted;
    case OP_MORE:
        return value > wanted;
    case OP_MORE_EQUAL:
        return value >= wanted;
    default:
        return fabs(value - wanted) < 0.5;
    }
}

static bool any_text_matches(const Filter *filter, const Term *term, const Model *model,
                             const ModelObject *object)
{
    for (const ModelField *const *field = filter->texts; *field; field++) {
        const char *text = model_field_text(model, *field, object);
        if (*text && text_matches(term, *field, text))
            return true;
    }
    return false;
}

static bool term_matches(const Filter *filter, const Term *term, const Model *model,
                         const ModelObject *object)
{
    if (term->field < 0)
        return any_text_matches(filter, term, model, object);
    const ModelField *field = &model_fields(filter->kind)[term->field];
    bool known = model_field_known(model, field, object);
    if (term->unknown)
        return !known;
    if (!known)
        return false;
    if (field->meaning == MEANS_ID && term->op > OP_IS)
        return compare(term->op, object->number, term->number);
    if (!model_field_is_number(field))
        return text_matches(term, field, model_field_text(model, field, object));
    double value = model_field_number(model, field, object);
    if (field->meaning == MEANS_SINCE)
        value = (double)g_get_real_time() / G_USEC_PER_SEC - value;
    return compare(term->op, value, term->number);
}

bool filter_matches(const Filter *filter, const Model *model, const ModelObject *object)
{
    for (guint i = 0; i < filter->terms->len; i++) {
        const Term *term = &g_array_index(filter->terms, Term, i);
        if (term_matches(filter, term, model, object) == term->negated)
            return false;
    }
    return true;
}
