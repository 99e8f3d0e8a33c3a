/* screen/font - which signs the terminal's font has.
 *
 * A terminal in a window finds any sign in some font. The Linux console has one font
 * of 256 or 512 signs and shows a diamond for the others; the kernel tells which
 * signs it has (ioctl_console(2), GIO_UNIMAP), but only on the console itself. Where
 * TERM says "linux" and the kernel can't be asked, as over SSH, what nearly every
 * console's font has is taken to be there.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Font Font;

/* NULL: every sign is there. */
Font *font_read(int terminal, const char *term);
/* NULL is accepted. */
void font_free(Font *font);

bool font_has(const Font *font, gunichar sign);
/* Both are there, and look the same. */
bool font_confuses(const Font *font, gunichar one, gunichar other);
