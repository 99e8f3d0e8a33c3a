/* model/filter - the filter language of tables. Pure.
 *
 *   filter := term { term }              all terms must hold
 *   term   := [ "!" ] ( field op value | value )
 *   op     := ":" | "=" | "!=" | "<" | "<=" | ">" | ">="
 *   value  := word | '"' anything '"' | "~" regex
 *
 * A bare value is looked for, without regard to case, in every field of text.
 * field:text asks whether the text is in the field; field=text whether it is
 * the whole field, and with tags and addresses one whole word of it; field:~re
 * whether the regular expression matches. Numbers take the units K M G T (of
 * 1024), % is allowed, and times are durations: up>2d. A field that is not known
 * matches nothing but its negation; "field:-" asks for just that.
 *
 * Fields are those of model/fields for the kind; "tag" is short for "tags",
 * "address" for "addresses".
 */
#pragma once

#include "tui/model/fields.h"

typedef struct Filter Filter;

/* Parses; the empty text gives a filter that lets everything through.
 * WIRE_ERROR_PARAMS names the term and what is wrong with it. */
Filter *filter_parse(ObjectKind kind, const char *text, GError **error);
void filter_free(Filter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Filter, filter_free)

bool filter_matches(const Filter *filter, const Model *model, const ModelObject *object);
/* The fields that decide, as bits: a change of others cannot change the answer. */
guint64 filter_fields(const Filter *filter);
bool filter_is_empty(const Filter *filter);
