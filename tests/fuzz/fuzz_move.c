/* What the agent of another node sends of a move: offers, verdicts, records of files, the
 * letters that its rsync asks for, and what its libvirt says to the one here. */
#include "agent/move/calls.h"
#include "agent/move/file.h"
#include "agent/move/tree.h"
#include "backend/guest/move_offer.h"
#include "backend/wire/message.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_record(const uint8_t *data, size_t size)
{
    guint8 head[MOVE_RECORD_HEAD], again[MOVE_RECORD_HEAD];
    MoveRecord record;
    if (size < sizeof head)
        return;
    memcpy(head, data, sizeof head);
    if (!move_record_parse(head, 0, &record, NULL))
        return;
    move_record_write(&record, again);
    if (memcmp(head, again, sizeof head) != 0 || record.length > MOVE_RECORD_MAX)
        __builtin_trap();
}

/* What is taken is written and taken again. */
static void try_offer(const char *text, size_t size)
{
    g_autoptr(MoveOffer) offer = move_offer_parse(text, size, NULL);
    if (!offer)
        return;
    g_autofree char *written = move_offer_text(offer);
    g_autoptr(MoveOffer) again = move_offer_parse(written, strlen(written), NULL);
    if (!again || again->disks->len != offer->disks->len)
        __builtin_trap();
}

/* However the bytes come, the same calls wait. */
static void try_calls(const uint8_t *data, size_t size)
{
    MoveCalls whole = {0}, one_by_one = {0};
    move_calls_pass(&whole, TRUE, data, size);
    move_calls_pass(&whole, FALSE, data, size / 2);
    for (size_t i = 0; i < size; i++)
        move_calls_pass(&one_by_one, TRUE, data + i, 1);
    for (size_t i = 0; i < size / 2; i++)
        move_calls_pass(&one_by_one, FALSE, data + i, 1);
    if (move_calls_waiting(&whole) != move_calls_waiting(&one_by_one))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    g_autoptr(json_t) json = json_loadb(text, size, 0, NULL);
    g_autoptr(MoveVerdict) verdict = json ? move_verdict_parse(json, NULL) : NULL;
    g_autofree char *word = g_strndup(text, size);
    (void)move_tree_options_valid(word);
    try_record(data, size);
    try_offer(text, size);
    try_calls(data, size);
    return 0;
}
