#include "platform/cpython.h" /* first: it says which system interfaces there are */

#include "platform/clock.h"

#include <time.h>
#ifdef _WIN32
#include <windows.h>
#endif

long long
monotonic_microseconds(void)
{
#ifdef _WIN32
    return (long long)GetTickCount64() * 1000;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
#endif
}

long long
coarse_microseconds(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
#else
    return monotonic_microseconds();
#endif
}
