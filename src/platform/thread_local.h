/* Storage of the calling thread, at the cost of one load where the platform allows it. */
#ifndef FROZEN_PLATFORM_THREAD_LOCAL_H
#define FROZEN_PLATFORM_THREAD_LOCAL_H

#include "platform/cpython.h" /* for __GLIBC__ */

#if defined(_MSC_VER)
#define FROZEN_THREAD_LOCAL __declspec(thread)
#elif defined(__GLIBC__) || defined(__FreeBSD__)
/* initial-exec: libraries opened late get a little static space, of which we use a few words. */
#define FROZEN_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define FROZEN_THREAD_LOCAL _Thread_local
#endif

#endif
