#include "backend/cluster/replica_message.h"

#include "backend/wire/error.h"

#define ENTRY_SIZE 33 /* bytes of an entry without its own, at the least */
#define MARK_SIZE  20
#define PROBE_SIZE (8 + REPLICA_HASH_SIZE)

ReplicaMessage *replica_message_new(ReplicaMessageKind kind)
{
    ReplicaMessage *message = g_new0(ReplicaMessage, 1);
    message->kind = kind;
    return message;
}

void replica_message_free(ReplicaMessage *message)
{
    if (!message)
        return;
    g_clear_pointer(&message->bytes, g_bytes_unref);
    g_clear_pointer(&message->entries, g_ptr_array_unref);
    g_free(message->marks);
    g_free(message);
}

static void code_hash(ReplicaCodec *codec, ReplicaHash *hash)
{
    replica_code_raw(codec, hash->bytes, sizeof hash->bytes);
}

static void code_entry(ReplicaCodec *codec, ReplicaEntry *entry)
{
    guint8 kind = (guint8)entry->kind;
    replica_code_u8(codec, &kind);
    replica_code_u32(codec, &entry->origin);
    replica_code_u64(codec, &entry->epoch);
    replica_code_u64(codec, &entry->incarnation);
    replica_code_u64(codec, &entry->sequence);
    replica_code_bytes(codec, &entry->bytes, REPLICA_TRANSACTION_SIZE);
    if (!codec->output)
        entry->kind = kind;
    if (kind != REPLICA_TRANSACTION && kind != REPLICA_CHANGE)
        codec->bad = TRUE;
}

static void code_entries(ReplicaCodec *codec, ReplicaMessage *message, guint min, guint max)
{
    GPtrArray *entries = message->entries;
    guint count = entries ? entries->len : 0;
    replica_code_count(codec, &count, max, ENTRY_SIZE);
    if (count < min)
        codec->bad = TRUE;
    if (!codec->output)
        entries = message->entries = g_ptr_array_new_with_free_func(replica_entry_unref);
    for (guint i = 0; entries && i < count && !codec->bad; i++) {
        if (!codec->output) {
            ReplicaEntry *entry = g_new0(ReplicaEntry, 1);
            g_atomic_ref_count_init(&entry->references);
            g_ptr_array_add(entries, entry);
        }
        code_entry(codec, g_ptr_array_index(entries, i));
    }
}

static void code_marks(ReplicaCodec *codec, ReplicaMessage *message)
{
    replica_code_count(codec, &message->mark_count, REPLICA_MARKS_MAX, MARK_SIZE);
    if (!codec->output)
        message->marks = g_new0(ReplicaMark, message->mark_count);
    for (guint i = 0; i < message->mark_count; i++) {
        replica_code_u32(codec, &message->marks[i].origin);
        replica_code_u64(codec, &message->marks[i].incarnation);
        replica_code_u64(codec, &message->marks[i].sequence);
    }
}

static void code_probes(ReplicaCodec *codec, ReplicaMessage *message)
{
    replica_code_count(codec, &message->probe_count, REPLICA_PROBES_MAX, PROBE_SIZE);
    for (guint i = 0; i < message->probe_count; i++) {
        replica_code_u64(codec, &message->probes[i].index);
        code_hash(codec, &message->probes[i].hash);
    }
}

static void code_lead(ReplicaCodec *codec, ReplicaMessage *message)
{
    replica_code_u32(codec, &message->round);
    replica_code_u64(codec, &message->epoch);
    replica_code_u64(codec, &message->start);
    code_hash(codec, &message->hash);
    replica_code_u64(codec, &message->committed);
    replica_code_u64(codec, &message->index);
    code_hash(codec, &message->digest);
    code_marks(codec, message);
}

static void code_ack(ReplicaCodec *codec, ReplicaMessage *message)
{
    replica_code_u64(codec, &message->epoch);
    replica_code_u64(codec, &message->index);
    code_hash(codec, &message->hash);
    replica_code_u64(codec, &message->checked);
    code_hash(codec, &message->digest);
}

static void code_sync(ReplicaCodec *codec, ReplicaMessage *message)
{
    replica_code_u64(codec, &message->epoch);
    switch (message->kind) {
    case REPLICA_FETCH:
        code_probes(codec, message);
        replica_code_u64(codec, &message->index);
        replica_code_u64(codec, &message->offset);
        break;
    case REPLICA_ENTRIES:
        replica_code_u32(codec, &message->to);
        replica_code_u64(codec, &message->end);
        replica_code_u64(codec, &message->committed);
        replica_code_u64(codec, &message->index);
        code_hash(codec, &message->hash);
        code_entries(codec, message, 0, REPLICA_ENTRIES_MAX);
        break;
    default: /* REPLICA_SNAPSHOT */
        replica_code_u32(codec, &message->to);
        replica_code_base(codec, &message->base);
        code_hash(codec, &message->digest);
        replica_code_u64(codec, &message->offset);
        replica_code_flag(codec, &message->last);
        replica_code_bytes(codec, &message->bytes, REPLICA_PIECE_MAX);
        break;
    }
}

static void code_fields(ReplicaCodec *codec, ReplicaMessage *message)
{
    switch (message->kind) {
    case REPLICA_STATE:
        replica_code_u32(codec, &message->round);
        replica_code_u64(codec, &message->epoch);
        replica_code_u64(codec, &message->adopted);
        replica_code_u64(codec, &message->end);
        replica_code_u64(codec, &message->committed);
        replica_code_flag(codec, &message->electable);
        break;
    case REPLICA_PROPOSE:
        replica_code_u32(codec, &message->round);
        replica_code_u64(codec, &message->epoch);
        replica_code_u64(codec, &message->adopted);
        replica_code_u64(codec, &message->end);
        break;
    case REPLICA_PROMISE:
        replica_code_u64(codec, &message->epoch);
        break;
    case REPLICA_REQUEST:
        replica_code_u64(codec, &message->epoch);
        code_entries(codec, message, 1, 1);
        break;
    case REPLICA_LEAD:
        code_lead(codec, message);
        break;
    case REPLICA_ACK:
        code_ack(codec, message);
        break;
    case REPLICA_FETCH:
    case REPLICA_ENTRIES:
    case REPLICA_SNAPSHOT:
        code_sync(codec, message);
        break;
    default:
        codec->bad = TRUE;
    }
}

static void code_message(ReplicaCodec *codec, ReplicaMessage *message)
{
    guint8 kind = (guint8)message->kind;
    replica_code_u8(codec, &kind);
    if (!codec->output)
        message->kind = kind;
    replica_code_u64(codec, &message->cluster);
    replica_code_u64(codec, &message->birth);
    replica_code_u64(codec, &message->view);
    code_fields(codec, message);
}

GBytes *replica_message_encode(const ReplicaMessage *message)
{
    ReplicaCodec codec = replica_codec_writer();
    guint8 version = REPLICA_VERSION;
    replica_code_u8(&codec, &version);
    /* Writing changes nothing. */
    code_message(&codec, (ReplicaMessage *)message);
    return replica_codec_take(&codec);
}

ReplicaMessage *replica_message_decode(GBytes *bytes, GError **error)
{
    gsize size = g_bytes_get_size(bytes);
    ReplicaCodec codec = replica_codec_reader(bytes);
    guint8 version = 0;
    replica_code_u8(&codec, &version);
    if (version != REPLICA_VERSION) {
        wire_error_set(error, WIRE_ERROR_VERSION,
                       "a node of the cluster speaks version %u of the store's protocol, this "
                       "one version %d: update the older of the two",
                       version, REPLICA_VERSION);
        return NULL;
    }
    g_autoptr(ReplicaMessage) message = replica_message_new(0);
    code_message(&codec, message);
    if (size <= REPLICA_MESSAGE_MAX && replica_codec_end(&codec))
        return g_steal_pointer(&message);
    wire_error_set(error, WIRE_ERROR_PARSE,
                   "a message of the store's protocol of %zu bytes makes no sense", size);
    return NULL;
}
