#include "agent/move/place.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ID_BYTES = 6, NAME_MAX_BYTES = 80 };

char *move_id_new(void)
{
    guint8 bytes[ID_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort(); /* the kernel always has that much */
    GString *id = g_string_new(NULL);
    for (size_t i = 0; i < sizeof bytes; i++)
        g_string_append_printf(id, "%02x", bytes[i]);
    return g_string_free(id, FALSE);
}

gboolean move_id_is_valid(const char *id)
{
    return id && strlen(id) == (size_t)2 * ID_BYTES &&
           strspn(id, "0123456789abcdef") == (size_t)2 * ID_BYTES;
}

gboolean move_socket_is_valid(const char *name)
{
    size_t length = name ? strlen(name) : 0;
    return length > 0 && length <= NAME_MAX_BYTES && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               length;
}

char *move_place_path(const char *id, const char *name)
{
    return g_build_filename(MOVE_DIRECTORY, id, name, NULL);
}

char *move_place_socket(const char *kind, const char *guest)
{
    g_autofree char *name = g_strdup_printf("%s.tunnelmigrate.dest.%s", kind, guest);
    size_t room = sizeof(((struct sockaddr_un *)0)->sun_path) - strlen(MOVE_DIRECTORY) -
                  (size_t)2 * ID_BYTES - 3;
    return move_socket_is_valid(name) && strlen(name) <= room ? g_steal_pointer(&name)
                                                              : g_strdup(kind);
}

gboolean move_place_make(const char *id, uid_t uid, gid_t gid, GError **error)
{
    g_autofree char *path = move_place_path(id, NULL);
    if (g_mkdir_with_parents(MOVE_DIRECTORY, 0711) == 0 && chmod(MOVE_DIRECTORY, 0711) == 0 &&
        mkdir(path, 0700) == 0 && chown(path, uid, gid) == 0)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_FAILED, "making the directory %s: %s", path,
                   g_strerror(errno));
    return FALSE;
}

static int open_place(const char *id)
{
    g_autofree char *path = move_place_path(id, NULL);
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int move_place_hold(const char *id)
{
    int place = open_place(id);
    /* The door is looked at when it is held: who shuts it looks for holders after. */
    if (place >= 0 && flock(place, LOCK_SH | LOCK_NB) == 0 &&
        faccessat(place, MOVE_DOOR, F_OK, 0) == 0)
        return place;
    if (place >= 0)
        (void)close(place);
    return -1;
}

gboolean move_place_shut(const char *id)
{
    int place = open_place(id);
    if (place < 0)
        return TRUE;
    (void)unlinkat(place, MOVE_DOOR, 0);
    gboolean free = flock(place, LOCK_EX | LOCK_NB) == 0;
    (void)close(place);
    return free;
}

void move_place_remove(const char *id)
{
    g_autofree char *path = move_place_path(id, NULL);
    GDir *directory = g_dir_open(path, 0, NULL);
    const char *name;
    while (directory && (name = g_dir_read_name(directory))) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        (void)unlink(file);
    }
    if (directory)
        g_dir_close(directory);
    (void)rmdir(path);
}
