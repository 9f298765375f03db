/* SPDX-License-Identifier: Apache-2.0 */
/* statistics.h - the balance of the books and the rates, as lines for the person on call. */
#ifndef DEVOURER_STATISTICS_H
#define DEVOURER_STATISTICS_H
#include <stdbool.h>
#include <stdint.h>
#include "../flow/flow_table.h"
#include "../name/names.h"
#include "../source/source.h"

struct statistics {
	struct source_stats source;
	struct flow_table_stats flows;
	const struct names *names;                /* NULL: --names off */
};

/* seen = recorded + live + other_interface + not recorded by reason; anything else is a fault of ours. The difference. */
int64_t statistics_difference(const struct statistics *now);

/* "balance: seen=… recorded=… live=… … difference=0", what was dropped before it reached us, and what was odd. */
void statistics_log_balance(const struct statistics *now);

/* "rates: … packets/s, … bit/s, … active flows" between two moments. */
void statistics_log_rates(const struct statistics *before, const struct statistics *now, uint64_t elapsed_ns);
#endif
