/* pages - gives back what only the start needed.
 *
 * libvirt, liblxc and what they stand on are large, and starting touches most of
 * their code once: relocations, initialisers, tables. Those pages of programs and
 * libraries would stay mapped for good, although a running agent uses a fraction of
 * them. They are clean copies of files, so dropping them loses nothing: what is
 * needed again is mapped again from the page cache.
 */
#pragma once

/* Unmaps the code pages of all loaded files and returns free heap to the kernel.
 * Code pages are never written to, so this is safe while other threads run. */
void pages_release(void);
