/* Any bytes as gantryd.yaml: refused with a place, or taken. */
#include "backend/wire/error.h"
#include "conf/agent.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AgentConfig) config = conf_agent_parse("f", (const char *)data, size, &error);
    g_assert((config == NULL) == (error != NULL));
    g_assert(config || (wire_error_code(error) == WIRE_ERROR_CONFIG &&
                        g_str_has_prefix(error->message, "f:") &&
                        g_utf8_validate(error->message, -1, NULL)));
    return 0;
}
