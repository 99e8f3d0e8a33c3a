/* Messages as a hostile peer sends them: parsed, and checked against the method's
 * row when they are a request. */
#include "backend/wire/message.h"
#include "backend/wire/method.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(WireMessage) message = wire_message_parse((const char *)data, size, NULL);
    if (message && message->kind == WIRE_REQUEST) {
        const WireMethod *method = wire_method_find(message->method);
        g_autoptr(GError) error = NULL;
        if (method)
            (void)wire_method_check(method, message->params, &error);
    }
    if (message && message->kind == WIRE_FAILURE)
        free(wire_message_failure(1, message->error));
    return 0;
}
