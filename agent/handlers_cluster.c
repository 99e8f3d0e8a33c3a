/* cluster.*: the cluster that this node is in, and changes of it. */
#include "agent/agent.h"
#include "agent/cluster.h"
#include "agent/handlers.h"
#include "backend/wire/error.h"

static void serve_status(Request *request)
{
    cluster_part_status(request->agent->cluster, request);
}

const HandlerRow handlers_cluster[] = {
    {"cluster.status", serve_status},
    {NULL, NULL},
};
