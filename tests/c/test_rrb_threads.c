/* test_rrb.c over a memory that several threads use at once: no tail is shared. */
#define MEMORY_IS_SERIAL false
#include "test_rrb.c"
