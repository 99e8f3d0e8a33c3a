/* cluster device: a quorum device for the cluster, on a machine that is no node.
 *
 * This person's sessions carry the certificates: the host signs what one member has made,
 * and all other members get it (agent/cluster_certificates.h). On the host only Debian's
 * corosync-qnetd is needed, and there the person is root or may become it by sudo. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/network.h"
#include "tui/command/remote.h"
#include "tui/command/steps.h"

#include <string.h>

/* For any login shell: one word that holds no single quote. */
#define ON_HOST(script)                                                                        \
    "sh -c '"                                                                                  \
    "if [ \"$(id -u)\" = 0 ]; then s=; else s=\"sudo -n\"; fi; "                               \
    "d=/etc/corosync/qnetd/nssdb; " script "'"

/* First a line with its addresses, then its certificate. */
static const char look_command[] = ON_HOST(
    "command -v corosync-qnetd-certutil >/dev/null || { "
    "echo \"corosync-qnetd is not installed there: apt install corosync-qnetd\" >&2; exit 3; "
    "}; "
    "$s test -r $d/qnetd-cacert.crt || { "
    "echo \"corosync-qnetd has no certificates there (or you may not become root by sudo): "
    "dpkg-reconfigure corosync-qnetd\" >&2; exit 3; }; "
    "hostname -I; $s cat $d/qnetd-cacert.crt");

/* A request in base64 comes in, a certificate in base64 goes out. The name of the cluster
 * is of letters, digits, dots, dashes and underscores (corosync_name_is_valid). */
static const char sign_command[] = ON_HOST(
    "t=$(mktemp) || exit; trap \"rm -f $t\" EXIT; base64 -d >$t && "
    "$s corosync-qnetd-certutil -s -c $t -n \"$1\" >&2 && $s base64 $d/cluster-\"$1\".crt");

typedef struct {
    const Act *act;
    Link *member; /* with which it is done */
    json_t *status;
    GPtrArray *others; /* of Link: the other nodes, borrowed */
    const char *cluster, *host;
    const char *algorithm;
    Remote *remote;
    char *address;   /* of the host, for the nodes */
    char *authority; /* in base64 */
} Device;

static const char *option(const Device *device, const char *key)
{
    return wire_get_string(device->act->arguments->params, key, NULL);
}

/* ---- looking ---- */

/* All nodes need the certificates, so all must be there. */
static gboolean reach_nodes(Device *device, GError **error)
{
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(device->status, "nodes"), index, node)
    {
        const char *name = wire_get_string(node, "name", "");
        if (wire_get_boolean(node, "local", FALSE))
            continue;
        if (!wire_get_boolean(node, "member", FALSE)) {
            wire_error_set(error, WIRE_ERROR_STATE,
                           "%s is not seen in the cluster: all nodes get certificates of the "
                           "device, so start it, or remove it from the cluster",
                           name);
            return FALSE;
        }
        Link *link = steps_member(device->act, name, error);
        if (!link)
            return FALSE;
        g_ptr_array_add(device->others, link);
    }
    return TRUE;
}

static const json_t *own_addresses(const Device *device)
{
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(device->status, "nodes"), index, node)
    {
        if (wire_get_boolean(node, "local", FALSE))
            return json_object_get(node, "addresses");
    }
    return NULL;
}

/* In the network of the first link that it shares with this member; else its first one. */
static char *choose_address(const Device *device, const char *line, GError **error)
{
    g_auto(GStrv) known = g_strsplit_set(line, " \t\r", -1);
    g_autoptr(json_t) links =
        steps_ask(device->act, device->member, "link.list", json_object(), error);
    size_t index;
    const json_t *own;
    if (!links)
        return NULL;
    json_array_foreach(own_addresses(device), index, own)
    {
        for (char **address = known; json_is_string(own) && *address; address++)
            if (**address && network_reaches(links, json_string_value(own), *address))
                return g_strdup(*address);
    }
    if (known[0] && *known[0])
        return g_strdup(known[0]);
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "address",
                         "%s says no address of its own: give one with --address",
                         device->host);
    return NULL;
}

static gboolean look_at_host(Device *device, GError **error)
{
    device->remote =
        remote_open(device->act->client, device->host, device->act->options, error);
    g_autofree char *said =
        device->remote ? remote_run(device->remote, look_command, NULL, error) : NULL;
    if (!said)
        return FALSE;
    char *end = strchr(said, '\n');
    if (!end || !strstr(end, "BEGIN CERTIFICATE")) {
        wire_error_set(error, WIRE_ERROR_FAILED, "%s: its certificate can't be read",
                       device->host);
        return FALSE;
    }
    *end++ = '\0';
    device->authority = g_base64_encode((const guchar *)end, strlen(end));
    const char *given = option(device, "address");
    device->address = given ? g_strdup(given) : choose_address(device, said, error);
    return device->address != NULL;
}

static void print_plan(const Device *device)
{
    size_t size = json_array_size(json_object_get(device->status, "nodes"));
    gboolean half = g_str_equal(device->algorithm, "ffsplit");
    int votes = half ? 1 : (int)size - 1;
    g_autofree char *text = g_strdup_printf(
        "Quorum device for the cluster %s, of %zu nodes:\n\n"
        "  host        %s, which the nodes reach at %s (TCP port 5403)\n"
        "  algorithm   %s: %s\n"
        "  votes       %d, so %zu in all, of which %zu are needed\n\n"
        "The nodes get certificates that %s signs. corosync on the nodes reads the "
        "changed corosync.conf and corosync-qdevice is started beside it; nothing else "
        "restarts. It stays only when the device votes on all nodes.\n",
        device->cluster, size, device->host, device->address, device->algorithm,
        half ? "when the nodes lose each other, one half goes on"
             : "the last node standing goes on, but without the device none may be lost",
        votes, size + (size_t)votes, (size + (size_t)votes) / 2 + 1, device->host);
    steps_say(device->act, text);
}

/* ---- doing it ---- */

static char *sign(const Device *device, const char *request, GError **error)
{
    g_autofree char *command = g_strdup_printf("%s sh %s", sign_command, device->cluster);
    return remote_run(device->remote, command, request, error);
}

static gboolean spread(const Device *device, const char *bundle, GError **error)
{
    for (guint i = 0; i < device->others->len; i++) {
        g_autoptr(json_t) done = steps_ask(
            device->act, device->others->pdata[i], "cluster.device_accept",
            json_pack("{s:s,s:s}", "authority", device->authority, "bundle", bundle), error);
        if (!done)
            return FALSE;
    }
    return TRUE;
}

static gboolean certify(const Device *device, GError **error)
{
    g_autoptr(json_t) prepared =
        steps_ask(device->act, device->member, "cluster.device_prepare",
                  json_pack("{s:s}", "authority", device->authority), error);
    g_autofree char *signed_one =
        prepared ? sign(device, wire_get_string(prepared, "request", ""), error) : NULL;
    g_autoptr(json_t) taken =
        signed_one ? steps_ask(device->act, device->member, "cluster.device_certify",
                               json_pack("{s:s}", "certificate", signed_one), error)
                   : NULL;
    return taken && spread(device, wire_get_string(taken, "bundle", ""), error);
}

static gboolean add(Device *device, GError **error)
{
    if (json_is_object(json_object_get(device->status, "device"))) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "the cluster has the quorum device %s: remove it first, with gantry "
                       "cluster device remove",
                       wire_get_string(json_object_get(device->status, "device"), "host", "?"));
        return FALSE;
    }
    size_t size = json_array_size(json_object_get(device->status, "nodes"));
    if (size % 2 != 0 && g_str_equal(device->algorithm, "ffsplit")) {
        wire_error_set_field(error, WIRE_ERROR_STATE, "algorithm",
                             "a device is for an even number of nodes, here are %zu: they have "
                             "a majority by themselves. gantry help cluster device tells of "
                             "--algorithm lms",
                             size);
        return FALSE;
    }
    if (!reach_nodes(device, error) || !look_at_host(device, error))
        return FALSE;
    print_plan(device);
    return steps_confirm(device->act, "changed", error) && certify(device, error) &&
           steps_do(
               device->act, device->member, "cluster.device_add",
               json_pack("{s:s,s:s}", "host", device->address, "algorithm", device->algorithm),
               error);
}

static gboolean take_out(const Device *device, GError **error)
{
    const char *present =
        wire_get_string(json_object_get(device->status, "device"), "host", "");
    g_autofree char *text = g_strdup_printf(
        "The quorum device %s leaves the cluster %s: corosync reads the changed "
        "corosync.conf and corosync-qdevice ends on all nodes; nothing else restarts.\n",
        present, device->cluster);
    /* Known by its address, or by the name that was typed when it was added. */
    steps_say(device->act, *present ? text : "");
    return (!*present || steps_confirm(device->act, "changed", error)) &&
           steps_do(device->act, device->member, "cluster.device_remove",
                    json_pack("{s:s}", "confirm", *present ? present : device->host), error);
}

gboolean act_cluster_device(const Act *act, GError **error)
{
    Device device = {.act = act, .others = g_ptr_array_new()};
    gboolean adding = g_str_equal(wire_get_string(act->arguments->params, "act", ""), "add");
    device.host = option(&device, "host");
    device.algorithm = option(&device, "algorithm");
    if (!device.algorithm)
        device.algorithm = "ffsplit";
    device.status = steps_cluster(act, &device.member, error);
    device.cluster = wire_get_string(device.status, "cluster", "");
    gboolean good = device.status && (adding ? add(&device, error) : take_out(&device, error));
    if (good && act->options->format == OUTPUT_TABLE) {
        g_autofree char *line =
            adding ? g_strdup_printf("%s votes in %s\n", device.address, device.cluster)
                   : g_strdup_printf("%s has no quorum device\n", device.cluster);
        steps_say(act, line);
    } else if (good) {
        g_autoptr(json_t) done = json_pack("{s:s,s:s?}", "cluster", device.cluster, "device",
                                           adding ? device.address : NULL);
        good = act_print(act, done);
    }
    remote_close(device.remote);
    g_ptr_array_unref(device.others);
    json_decref(device.status);
    g_free(device.address);
    g_free(device.authority);
    return good;
}
