#include "agent/cluster_certificates.h"

#include "agent/task/program.h"
#include "backend/cluster/corosync_files.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TOOL     "corosync-qdevice-net-certutil"
#define DATABASE COROSYNC_DIRECTORY "/qdevice/net/nssdb"
#define PASSED   "qdevice.gantry-new" /* what is handed to the tool */
#define REQUEST  "qdevice-net-node.crq"
#define BUNDLE   "qdevice-net-node.p12"

enum { WITHIN = 60 /* seconds: a key may take its time */ };

static gboolean run_tool(const char *option, const char *name, const char *value,
                         GError **error)
{
    const char *const words[] = {TOOL, option, name, value, NULL};
    return program_run(words, WITHIN, NULL, error);
}

/* The certificates of an earlier device; the tool refuses to write over them. */
static gboolean forget(GError **error)
{
    g_autoptr(GDir) directory = g_dir_open(DATABASE, 0, NULL);
    const char *name;
    while (directory && (name = g_dir_read_name(directory))) {
        g_autofree char *path = g_build_filename(DATABASE, name, NULL);
        if (unlink(path) == 0 || errno == ENOENT)
            continue;
        wire_error_set(error, WIRE_ERROR_STORAGE, "can't remove %s: %s", path,
                       g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

/* Lays the decoded text where the tool reads it, and lets it. */
static gboolean hand_over(const char *option, const char *base64, GError **error)
{
    gsize size = 0;
    g_autofree guchar *data = g_base64_decode(base64, &size);
    int directory = corosync_directory_open(COROSYNC_DIRECTORY, error);
    if (directory < 0)
        return FALSE;
    gboolean good = corosync_file_write(directory, PASSED, data, size, 0400, error) &&
                    run_tool(option, "-c", COROSYNC_DIRECTORY "/" PASSED, error);
    (void)corosync_file_remove(directory, PASSED, NULL);
    (void)close(directory);
    explicit_bzero(data, size);
    return good;
}

/* What the tool has written, which then goes. */
static char *take_up(const char *name, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autofree char *path = g_build_filename(DATABASE, name, NULL);
    g_autofree char *data = NULL;
    gsize size = 0;
    gboolean good = g_file_get_contents(path, &data, &size, &failure);
    (void)unlink(path);
    if (good && size <= CERTIFICATE_MAX / 2)
        return g_base64_encode((const guchar *)data, size);
    wire_error_set(error, WIRE_ERROR_STORAGE, "%s of " TOOL ": %s", path,
                   good ? "it is too large" : failure->message);
    return NULL;
}

char *cluster_certificates_request(const char *authority, const char *cluster, GError **error)
{
    return forget(error) && hand_over("-i", authority, error) &&
                   run_tool("-r", "-n", cluster, error)
               ? take_up(REQUEST, error)
               : NULL;
}

char *cluster_certificates_take(const char *certificate, GError **error)
{
    return hand_over("-M", certificate, error) ? take_up(BUNDLE, error) : NULL;
}

gboolean cluster_certificates_accept(const char *authority, const char *bundle, GError **error)
{
    return forget(error) && hand_over("-i", authority, error) && hand_over("-m", bundle, error);
}
