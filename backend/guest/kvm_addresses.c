/* The addresses of a domain's NICs, from whoever knows them. */
#include "backend/guest/kvm_describe.h"

#include "backend/wire/message.h"

#include <string.h>

enum { AGENT_TIMEOUT = 2 }; /* seconds */

/* Joins what one source knows; what is there already stays. */
static void add_source(json_t *all, virDomainPtr domain, unsigned source, const char *name)
{
    virDomainInterfacePtr *interfaces = NULL;
    int count = virDomainInterfaceAddresses(domain, &interfaces, source, 0);
    for (int i = 0; i < count; i++) {
        const virDomainInterface *interface = interfaces[i];
        if (interface->hwaddr && interface->naddrs > 0 &&
            g_strcmp0(interface->name, "lo") != 0) {
            g_autofree char *mac = g_ascii_strdown(interface->hwaddr, -1);
            json_t *known = json_object_get(all, mac);
            if (!known) {
                known = json_pack("{s:[], s:s}", "addresses", "from", name);
                json_object_set_new(all, mac, known);
            }
            json_t *list = json_object_get(known, "addresses");
            if (g_strcmp0(wire_get_string(known, "from", NULL), name) == 0)
                for (unsigned n = 0; n < interface->naddrs; n++) {
                    g_autofree char *text = g_strdup_printf("%s/%u", interface->addrs[n].addr,
                                                            interface->addrs[n].prefix);
                    json_array_append_new(list, wire_string(text));
                }
        }
        virDomainInterfaceFree(interfaces[i]);
    }
    free(interfaces);
}

/* What the asking thread and the waiting one share. */
typedef struct {
    virDomainPtr domain;
    GMutex lock;
    GCond done;
    json_t *answer; /* NULL until there is one */
} Question;

static void question_clear(gpointer pointer)
{
    Question *question = pointer;
    g_mutex_clear(&question->lock);
    g_cond_clear(&question->done);
    json_decref(question->answer);
    (void)virDomainFree(question->domain);
}

static gpointer ask_agent(gpointer pointer)
{
    Question *question = pointer;
    json_t *answer = json_object();
    (void)virDomainAgentSetResponseTimeout(question->domain, AGENT_TIMEOUT, 0);
    add_source(answer, question->domain, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT, "agent");
    (void)virDomainAgentSetResponseTimeout(question->domain,
                                           VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK, 0);
    g_mutex_lock(&question->lock);
    question->answer = answer;
    g_cond_signal(&question->done);
    g_mutex_unlock(&question->lock);
    g_atomic_rc_box_release_full(question, question_clear);
    return NULL;
}

json_t *kvm_addresses_read(virDomainPtr domain, gboolean agent, gint64 patience)
{
    json_t *all = json_object();
    Question *question = NULL;
    gint64 until = g_get_monotonic_time() + patience;
    if (agent && virDomainRef(domain) == 0) {
        question = g_atomic_rc_box_new0(Question);
        question->domain = domain;
        g_mutex_init(&question->lock);
        g_cond_init(&question->done);
        g_thread_unref(g_thread_new("kvm-agent", ask_agent, g_atomic_rc_box_acquire(question)));
    }
    add_source(all, domain, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE, "lease");
    add_source(all, domain, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP, "arp");
    if (question) {
        g_mutex_lock(&question->lock);
        while (!question->answer && g_cond_wait_until(&question->done, &question->lock, until))
            ;
        if (question->answer)
            json_object_update(all, question->answer);
        g_mutex_unlock(&question->lock);
        g_atomic_rc_box_release_full(question, question_clear);
    }
    return all;
}
