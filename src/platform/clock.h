/* The clock for deadlines: it only goes forward, whatever becomes of the time of day. */
#ifndef FROZEN_PLATFORM_CLOCK_H
#define FROZEN_PLATFORM_CLOCK_H

long long monotonic_microseconds(void);

/* The same clock where it costs least: some milliseconds behind. Never negative. */
long long coarse_microseconds(void);

#endif
