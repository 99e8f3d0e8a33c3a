/* guest/kvm_move_private - a check of a domain that another node offers, shared by its files.
 */
#pragma once

#include "backend/guest/kvm_move.h"

typedef struct {
    KvmConnection *connection;
    const MoveOffer *offer;
    const char *storage;
    MoveVerdict *verdict;
    KvmXml *xml; /* the one that will run, else the saved one */
} KvmMoveCheck;

/* kvm_move_machine.c: versions, machine type, firmware, processor. */
void kvm_check_machine(const KvmMoveCheck *check);
