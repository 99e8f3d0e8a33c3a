/* view/names - what the console's files may name: actions, keys, skins, roles and styles, and
 * the columns of views. */
#pragma once

#include "backend/wire/object.h"
#include "conf/console.h"

const ConsoleNames *console_names(void);
/* The kind of object that a view is a table of; false when it is none. */
bool console_view_kind(const char *view, ObjectKind *out);
