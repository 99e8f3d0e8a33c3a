#include "agent/audit.h"

void audit_record(Agent *agent, const char *user, uid_t uid, const char *method,
                  const json_t *params, const json_t *result, const GError *error)
{
    g_info("%s (%u) asked for %s: %s", user ? user : "?", (unsigned)uid, method,
           error ? error->message : "done");
}
