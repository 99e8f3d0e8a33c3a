/* Any bytes as corosync.conf: refused in words, or taken, kept byte for byte but for line
 * ends, and still good after a node was added and taken out again. */
#include "backend/cluster/corosync_conf.h"
#include "backend/wire/error.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void change(CorosyncText *conf)
{
    CorosyncNode node = {.id = corosync_conf_free_id(conf),
                         .name = (char *)"fuzzed",
                         .votes = 3,
                         .addresses = {(char *)"203.0.113.77"}};
    g_autofree char *before = corosync_text_dump(conf);
    if (!corosync_conf_add_node(conf, &node, NULL))
        return;
    g_autofree char *text = corosync_text_dump(conf);
    g_autoptr(CorosyncText) again = corosync_conf_parse(text, strlen(text), NULL);
    g_assert_true(again || strlen(text) > COROSYNC_TEXT_MAX);
    g_assert_true(corosync_conf_remove_node(conf, "fuzzed", NULL));
    g_autofree char *after = corosync_text_dump(conf);
    g_assert_cmpstr(after, ==, before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CorosyncText) conf = corosync_text_parse((const char *)data, size, &error);
    g_assert_true((conf == NULL) == (error != NULL));
    if (!conf) {
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    g_autofree char *text = corosync_text_dump(conf);
    g_autoptr(CorosyncText) again = corosync_text_parse(text, strlen(text), NULL);
    g_assert_true(again || strlen(text) > COROSYNC_TEXT_MAX);
    gboolean good = corosync_conf_check(conf, &error);
    g_assert_true(good == (error == NULL));
    if (good)
        change(conf);
    return 0;
}
