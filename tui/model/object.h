/* model/object - what the console knows of a cluster, as compact structs.
 *
 * One struct a kind of wire/object.h, with the fields that screens show. Ten
 * thousand guests are kept, so numbers are as small as what is shown of them
 * (three significant digits: a float), and strings are interned GRefStrings.
 * A figure that is not known is NAN, a whole number or time that is not known
 * is below 0, a string that is not known is NULL, a flag that is not known is
 * MODEL_UNKNOWN. Every struct begins with a ModelObject.
 *
 * The model alone creates and frees them; others keep pointers only until they
 * are told that the object is gone.
 */
#pragma once

#include "backend/wire/object.h"
#include "backend/wire/vocabulary.h"

#include <glib.h>

#define MODEL_UNKNOWN (-1)

typedef struct {
    guint8 kind;         /* ObjectKind */
    guint8 touched : 1;  /* set while a delta that named it is being applied */
    guint8 hidden : 1;   /* another claim about the same is shown: claims.h */
    guint8 recalled : 1; /* its node, which is not reached, has not told of it itself */
    guint8 leaving : 1;  /* its node has it no more, and no other has told of it: claims.h */
    guint16 node;        /* index of its node in the model */
    guint32 number;      /* of a guest: its number; else 0 */
    char *id;            /* of what is not a guest: its id */
} ModelObject;

typedef struct {
    ModelObject base;
    guint8 kind;  /* GuestKind */
    guint8 state; /* GuestState */
    gint8 autostart, persistent, pending, agent, privileged;
    gint32 vcpus;
    gint64 started;
    gint64 stale_since;
    float cpu, mem_max, mem_used, mem_rss;
    float disk_read, disk_write, disk_ops, net_in, net_out;
    char *name, *reason, *tags, *addresses, *task;
    char *native; /* what libvirt or LXC know it by */
} ModelGuest;

/* How a node is reached, as its link says. */
typedef enum {
    MODEL_LINK_CONNECTING,
    MODEL_LINK_UP,
    MODEL_LINK_DOWN,   /* lost, will be tried again */
    MODEL_LINK_FAILED, /* will not be tried again by itself */
} ModelLinkState;

typedef struct {
    ModelObject base;
    guint8 link; /* ModelLinkState */
    gint8 ready; /* the snapshot is complete */
    gint8 role;  /* WireRole of this person there */
    gint8 kvm;
    gint8 quorate;
    gint32 cpus, updates;
    gint32 members, cluster_size; /* of its cluster: seen by it, and in all */
    gint64 boot;
    gint64 heard; /* seconds since 1970 when it last said something */
    gint8 lost;   /* the others of its cluster lost it, and it has said nothing since */
    double time_offset;
    float cpu, load, mem_total, mem_used, swap_total, swap_used;
    float psi_cpu, psi_mem, psi_io, net_in, net_out, disk_read, disk_write;
    float root_total, root_used;
    char *name;    /* the node's own name, or its target's until that is known */
    char *target;  /* how it is reached */
    char *trouble; /* what the link complains of, in words */
    char *kernel, *agent, *libvirt, *qemu, *lxc, *kvm_reason, *drivers;
    char *cluster;                   /* NULL: it is in none */
    gint32 guests, running, stopped; /* counted by the model */
} ModelNode;

typedef struct {
    ModelObject base;
    char *type, *path, *filesystem, *state, *reason;
    float total, used;
    gint64 stale_since;
} ModelStorage;

typedef struct {
    ModelObject base;
    char *type, *state, *mac, *master, *addresses;
    gint32 mtu;
    gint32 speed;
    float net_in, net_out;
    gint64 errors;
} ModelLink;

typedef struct {
    ModelObject base;
    char *method, *object, *name, *owner, *state, *doing, *error;
    float progress;
    double created, started, ended;
    gint64 log_size;
} ModelTask;

typedef struct {
    ModelObject base;
    char *severity, *object, *text, *who;
    double time;
} ModelEvent;

typedef struct {
    ModelObject base;
    char *severity, *object, *text;
    gint64 since;
} ModelAlarm;

/* Room for any of them but a node. */
typedef union {
    ModelObject base;
    ModelGuest guest;
    ModelStorage storage;
    ModelLink link;
    ModelTask task;
    ModelEvent event;
    ModelAlarm alarm;
} ModelAny;
