/* The table of tickets behind handles, one for the process: see tickets.c. */
#ifndef FROZEN_SHARED_TICKETS_H
#define FROZEN_SHARED_TICKETS_H

#include "shared/cell.h"

/* A deadline in microseconds of platform/clock.h. */
#define NO_DEADLINE INT64_MAX

/* A new ticket, which steals `value` on success: 0 and its number, or -1 (exception set). */
int ticket_issue(cell value, uint32_t uses, int64_t deadline, uint64_t *number);

/* One redemption: a new reference in *value; false: the ticket is gone. */
bool ticket_redeem(uint64_t number, cell *value);

/* End the ticket; false: it was gone already. */
bool ticket_revoke(uint64_t number);

/* Places for tickets that the table has, taken or not.  For tests. */
size_t ticket_places(void);

/* Once in each interpreter: 0, or -1 (exception set). */
int tickets_setup(void);

#endif
