/* figure - a measured number as JSON: null when it is not known, and rounded, so
 * that noise below the step is no change to be sent. */
#pragma once

#include <jansson.h>

json_t *figure_json(double value, double step);
/* 0 is null: for facts where 0 means not known. */
json_t *figure_known(long long value);
