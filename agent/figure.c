#include "agent/figure.h"

#include <math.h>

json_t *figure_json(double value, double step)
{
    if (isnan(value) || isinf(value))
        return json_null();
    return step < 1 ? json_real(round(value / step) * step)
                    : json_integer((json_int_t)llround(value / step) * (json_int_t)step);
}

json_t *figure_known(long long value)
{
    return value ? json_integer(value) : json_null();
}
