/* handlers - binds each row of the method table to the function that serves it.
 * One file a noun: handlers_guest.c, handlers_node.c, ...
 */
#pragma once

#include "agent/request.h"

typedef struct {
    const char *method;
    RequestHandler handle;
} HandlerRow;

/* Each ended by a row without a method. */
extern const HandlerRow handlers_session[];
extern const HandlerRow handlers_guest[];
extern const HandlerRow handlers_cluster[];
extern const HandlerRow handlers_cluster_device[];
extern const HandlerRow handlers_cluster_change[];
extern const HandlerRow handlers_move[];
extern const HandlerRow handlers_node[];
extern const HandlerRow handlers_task[];
extern const HandlerRow handlers_stream[];
extern const HandlerRow handlers_record[];
extern const HandlerRow handlers_role[];
extern const HandlerRow handlers_settings[];

/* NULL when nothing serves that method. */
RequestHandler handlers_find(const char *method);
