/* A file with a random word beside each disk: whoever reads the word has the same storage. */
#include "agent/move/place.h"
#include "agent/move/source_private.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PROBE ".gantry-probe-"

static gboolean write_one(const char *path, const char *token)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return FALSE;
    gboolean good =
        write(file, token, strlen(token)) == (ssize_t)strlen(token) && fsync(file) == 0;
    (void)close(file);
    return good;
}

/* One file a directory, whatever number of disks is in it. */
void move_probe_write(MoveSource *source)
{
    json_t *probes = json_object_get(source->note, "probes");
    g_autoptr(GHashTable) tokens =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < source->offer->disks->len; i++) {
        MoveDisk *disk = source->offer->disks->pdata[i];
        g_autofree char *directory = g_path_get_dirname(disk->path);
        g_autofree char *name = g_strconcat(PROBE, source->id, NULL);
        g_autofree char *path = g_build_filename(directory, name, NULL);
        if (strcmp(disk->format, "tree") == 0 || disk->readonly)
            continue;
        if (!g_hash_table_contains(tokens, path)) {
            g_autofree char *one = move_id_new(), *two = move_id_new();
            char *token = g_strconcat(one, two, NULL);
            json_array_append_new(probes, wire_string(path));
            if (!move_note(source, NULL) || !write_one(path, token))
                g_clear_pointer(&token, g_free);
            g_hash_table_insert(tokens, g_strdup(path), token);
        }
        const char *token = g_hash_table_lookup(tokens, path);
        disk->probe = token ? g_strdup(path) : NULL;
        disk->token = g_strdup(token);
    }
}

void move_probe_remove(const json_t *note)
{
    const json_t *probes = json_object_get(note, "probes");
    for (size_t i = 0; i < json_array_size(probes); i++) {
        const char *path = json_string_value(json_array_get(probes, i));
        g_autofree char *name = path ? g_path_get_basename(path) : NULL;
        if (name && g_str_has_prefix(name, PROBE))
            (void)unlink(path);
    }
}
