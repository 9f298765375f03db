/* SPDX-License-Identifier: Apache-2.0 */
/* names_fact.h - lists of facts: a name, since when it has been known, and until when it is believed.
 *
 * A list is the number of its first fact, 0 when it is empty. Of names told in one breath the first comes first.
 */
#ifndef DEVOURER_NAMES_FACT_H
#define DEVOURER_NAMES_FACT_H
#include "names_intern.h"

#define FACTS_MAX 8                               /* of one list */

struct fact {
	uint32_t name, next;
	uint64_t told_ns, since_ns;               /* the last time, and the first of those without a gap between them */
	uint32_t life_ms : 28, source : 4;        /* from told_ns on; enum name_source */
};
_Static_assert(NAME_SOURCES <= 16, "a source fits in four bits");

/* A name and how long it may be believed. */
struct telling {
	uint32_t name;                            /* the caller keeps its reference */
	enum name_source source;
	uint32_t life_s;                          /* a day at most */
	uint64_t now_ns;
};

struct facts {
	struct pool pool;
	struct interner *interner;                /* lent */
};

int facts_init(struct facts *facts, struct budget *budget, struct interner *interner, size_t max); /* 0 or -ENOMEM */
void facts_free(struct facts *facts);

static inline struct fact *facts_at(const struct facts *facts, uint32_t fact)
{
	return pool_at(&facts->pool, fact);
}

/* Tell a fact of a list again: it has been known since the first telling unless it had lapsed, and is believed until the
 * later of the two ends. false: it is not in the list. */
bool facts_renew(const struct facts *facts, uint32_t first, const struct telling *telling);

/* Add a fact, in place of the worst one when there are FACTS_MAX. 1: the list is one longer, 0: it is not, -1: no room. */
int facts_add(struct facts *facts, uint32_t *first, enum fact_kind kind, const struct telling *telling);

void facts_drop(struct facts *facts, uint32_t *first, enum fact_kind kind); /* all of a list */
size_t facts_count(const struct facts *facts, uint32_t first);
bool facts_are_over(const struct facts *facts, uint32_t first, uint64_t now_ns); /* none is believed any more */

uint64_t fact_until_ns(const struct fact *fact);  /* the last moment when it is believed */
void fact_end(struct fact *fact, uint64_t end_ns); /* it is no longer believed from then on */
#endif
