/* The clock for deadlines: it only goes forward, whatever becomes of the time of day. */
#ifndef FROZEN_PLATFORM_CLOCK_H
#define FROZEN_PLATFORM_CLOCK_H

long long monotonic_microseconds(void);

#endif
