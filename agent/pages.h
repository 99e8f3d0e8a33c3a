/* pages - gives back what only the start, or a change of the cluster, needed.
 *
 * libvirt, liblxc and what they stand on are large, some seventy libraries, and starting
 * touches most of their code, symbols and constants once: relocations, initialisers,
 * tables. Those pages of programs and libraries would stay mapped for good, although a
 * running agent uses a fraction of them. They are clean copies of files, so dropping them
 * loses nothing: what is needed again is mapped again from the page cache.
 */
#pragma once

/* Unmaps the pages of loaded files that nothing can write to and nothing has written to,
 * and returns free heap to the kernel. Safe while other threads run. */
void pages_release(void);
