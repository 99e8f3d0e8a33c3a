/* bare_stats - what the bulk statistics of libvirt cost whoever asks for them.
 *
 *   bare_stats agent|all SECONDS
 *
 * A loop over virConnectGetAllDomainStats, once a second, that does nothing with
 * the answer: the peer of the agent. "agent" asks for what the agent asks for,
 * "all" for everything that libvirt can tell. Prints the number of domains and the
 * processor time of this process in seconds, without that of its first two turns. */
#include "backend/guest/kvm_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST_TURNS = 2 };

static double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int turns = argc == 3 ? atoi(argv[2]) : 0;
    if (turns < 1) {
        fprintf(stderr, "usage: bare_stats agent|all SECONDS\n");
        return 2;
    }
    unsigned statistics = strcmp(argv[1], "agent") == 0 ? KVM_FIGURES_STATS : 0;
    virConnectPtr connection = virConnectOpen("qemu:///system");
    if (!connection)
        return 1;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    double begin = 0;
    int count = 0;
    for (int turn = 0; turn < turns + FIRST_TURNS && count >= 0; turn++) {
        virDomainStatsRecordPtr *records = NULL;
        if (turn == FIRST_TURNS)
            begin = processor_seconds();
        count = virConnectGetAllDomainStats(connection, statistics, &records,
                                            VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
                                                VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
        if (count >= 0)
            virDomainStatsRecordListFree(records);
        next.tv_sec++;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    printf("%d %.6f\n", count, processor_seconds() - begin);
    virConnectClose(connection);
    return count < 0;
}
