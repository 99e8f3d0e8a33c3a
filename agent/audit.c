#include "agent/audit.h"

#include "agent/agent.h"
#include "agent/cluster_audit.h"
#include "agent/local/local.h"
#include "backend/wire/message.h"

enum { TEXT_MAX = 256 };

static gboolean is_secret(const WireMethod *method, const char *name)
{
    const WireParameter *p = method->parameters;
    while (p && p->name && !g_str_equal(p->name, name))
        p++;
    return p && p->name && p->secret;
}

/* Long texts are cut and programs run in guests lose their arguments, which may
 * hold secrets. */
static json_t *fit_for_record(const WireMethod *method, const json_t *params)
{
    json_t *fit = json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(gintptr)params, key, value)
    {
        if (is_secret(method, key)) {
            json_object_set_new(fit, key, json_string("(secret)"));
        } else if (json_is_string(value) && json_string_length(value) > TEXT_MAX) {
            g_autofree char *cut = g_strdup_printf("(%zu bytes)", json_string_length(value));
            json_object_set_new(fit, key, json_string(cut));
        } else if (g_str_equal(key, "command")) {
            json_object_set(fit, key, json_array_get(value, 0));
        } else {
            json_object_set(fit, key, value);
        }
    }
    return fit;
}

static void add_to_cluster(Agent *agent, const LocalAudit *audit)
{
    g_autoptr(json_t) entry = json_pack(
        "{s:f,s:o,s:i,s:s,s:o,s:O,s:o,s:s}", "time", (double)g_get_real_time() / G_USEC_PER_SEC,
        "who", wire_string(audit->who), "uid", (int)audit->uid, "method", audit->method,
        "object", wire_string(audit->object), "params", audit->params, "result",
        wire_string(audit->result), "node", agent->node);
    cluster_audit_add(agent, entry);
}

void audit_record(const Request *request, const json_t *result, const GError *error)
{
    g_autoptr(json_t) recorded = fit_for_record(request->method, request->params);
    const char *asked = wire_get_string(request->params, "guest", NULL);
    const LocalAudit entry = {.who = request->user ? request->user : "?",
                              .uid = request->uid,
                              .method = request->method->name,
                              .object = request->object ? request->object : asked,
                              .params = recorded,
                              .result = error ? error->message
                                              : wire_get_string(result, "task", "ok")};
    local_audit_add(request->agent->local, &entry, NULL, NULL);
    if (!error && cluster_audit_wants(entry.method))
        add_to_cluster(request->agent, &entry);
}
