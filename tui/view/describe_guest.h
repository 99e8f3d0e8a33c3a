/* view/describe_guest - what guest.show answers, as pages for people.
 *
 * The shapes are those of backend/guest/kvm_describe.h and lxc_describe.h, in
 * "detail" of the answer; any of it may be missing. Name, id and state are not
 * repeated: they stand in the view's title. Pure.
 */
#pragma once

#include "tui/model/model.h"
#include "tui/view/page.h"

/* What it is made of; for a container also its limits and processes. */
void describe_hardware(Page *page, const json_t *guest);
void describe_snapshots(Page *page, const json_t *guest);
/* The facts beside the charts; shown is NULL until the agent answered. */
void describe_guest_facts(Page *page, const ModelGuest *guest, const json_t *shown);

/* describe_container.c */
void describe_container(Page *page, const json_t *detail);
