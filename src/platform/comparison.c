#include "platform/comparison.h"

FROZEN_THREAD_LOCAL comparison *comparison_running;
