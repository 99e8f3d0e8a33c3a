/* Of a quorum device's registration. */
#include "backend/cluster/membership_private.h"
#include "backend/wire/error.h"

/* As corosync-qdevice calls itself. */
#define DEVICE_NAME "Qdevice"

enum { TRIES = 50, AGAIN = 100000 /* microseconds */ };

static cs_error_t unregister(votequorum_handle_t handle)
{
    cs_error_t code = CS_ERR_TRY_AGAIN;
    for (int i = 0; i < TRIES && code == CS_ERR_TRY_AGAIN; i++) {
        code = votequorum_qdevice_unregister(handle, DEVICE_NAME);
        if (code == CS_ERR_TRY_AGAIN)
            g_usleep(AGAIN);
    }
    return code;
}

gboolean membership_forget_device(GError **error)
{
    votequorum_handle_t handle;
    cs_error_t code = votequorum_initialize(&handle, NULL);
    if (code != CS_OK)
        return TRUE;
    code = unregister(handle);
    (void)votequorum_finalize(handle);
    if (code == CS_OK || code == CS_ERR_NOT_EXIST || code == CS_ERR_LIBRARY)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_FAILED, "forgetting the quorum device: %s",
                   membership_error_words(code));
    return FALSE;
}
