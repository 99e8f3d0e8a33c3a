#include "backend/cluster/corosync_device.h"

#include "backend/wire/error.h"

#include <string.h>

void corosync_device_free(CorosyncDevice *device)
{
    if (!device)
        return;
    g_free(device->host);
    g_free(device->algorithm);
    g_free(device->model);
    g_free(device);
}

static char *value_of(const CorosyncText *conf, const char *section, const char *key)
{
    const char *value = corosync_text_get(conf, section, 0, key, NULL);
    return g_strdup(value ? value : "");
}

CorosyncDevice *corosync_device_read(const CorosyncText *conf)
{
    const char *model =
        conf ? corosync_text_get(conf, "quorum.device", 0, "model", NULL) : NULL;
    if (!model)
        return NULL;
    guint64 votes = 1; /* corosync's own default */
    const char *text = corosync_text_get(conf, "quorum.device", 0, "votes", NULL);
    if (text)
        (void)g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT8, &votes, NULL);
    CorosyncDevice *device = g_new0(CorosyncDevice, 1);
    device->model = g_strdup(model);
    device->votes = (guint)votes;
    device->host = value_of(conf, "quorum.device.net", "host");
    device->algorithm = value_of(conf, "quorum.device.net", "algorithm");
    return device;
}

/* The votes of the device; 0 and why not when the number does not suit it. */
static guint votes_for(const char *algorithm, guint nodes, GError **error)
{
    if (nodes < 2)
        wire_error_set(error, WIRE_ERROR_STATE,
                       "a cluster of one node has no use for a quorum device: join another "
                       "node first");
    else if (strcmp(algorithm, "lms") == 0)
        return nodes - 1;
    else if (nodes % 2 == 0)
        return 1;
    else
        wire_error_set_field(error, WIRE_ERROR_STATE, "algorithm",
                             "%u nodes are an odd number, which has a majority without a "
                             "device. If the last node standing shall go on: --algorithm lms, "
                             "but then none may be lost while the device is",
                             nodes);
    return 0;
}

gboolean corosync_device_add(CorosyncText *conf, const char *host, const char *algorithm,
                             GError **error)
{
    char text[16];
    g_autoptr(CorosyncDevice) present = corosync_device_read(conf);
    if (present) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "the cluster has the quorum device %s: remove it first, with gantry "
                       "cluster device remove",
                       *present->host ? present->host : present->model);
        return FALSE;
    }
    if (!corosync_address_is_valid(host)) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "host", "\"%s\" is no host", host);
        return FALSE;
    }
    guint votes = votes_for(algorithm, corosync_text_count(conf, "nodelist.node"), error);
    if (!votes)
        return FALSE;
    g_snprintf(text, sizeof text, "%u", votes);
    corosync_text_set(conf, "quorum.device", 0, "model", "net");
    corosync_text_set(conf, "quorum.device", 0, "votes", text);
    corosync_text_set(conf, "quorum.device.net", 0, "host", host);
    corosync_text_set(conf, "quorum.device.net", 0, "algorithm", algorithm);
    corosync_text_set(conf, "quorum.device.net", 0, "tls", "required");
    corosync_conf_adjust_expected(conf, votes, 0);
    corosync_text_set(conf, "quorum", 0, "two_node", NULL);
    return TRUE;
}

gboolean corosync_device_remove(CorosyncText *conf, GError **error)
{
    g_autoptr(CorosyncDevice) present = corosync_device_read(conf);
    if (!present) {
        wire_error_set(error, WIRE_ERROR_STATE, "the cluster has no quorum device");
        return FALSE;
    }
    corosync_text_remove(conf, "quorum.device", 0);
    corosync_conf_adjust_expected(conf, 0, present->votes);
    return TRUE;
}
