/* SPDX-License-Identifier: Apache-2.0 */
/* names_fact.c - lists of facts: a name, since when it has been known, and until when it is believed. */
#include "names_fact.h"
#include "../base/time.h"

int facts_init(struct facts *facts, struct budget *budget, struct interner *interner, size_t max)
{
	facts->interner = interner;
	return pool_init(&facts->pool, budget, sizeof(struct fact), max);
}

void facts_free(struct facts *facts)
{
	pool_free(&facts->pool);
}

uint64_t fact_until_ns(const struct fact *fact)
{
	return fact->told_ns + fact->life_ms * NS_PER_MS;
}

static void fact_live(struct fact *fact, uint64_t ns)
{
	fact->life_ms = (uint32_t)(ns / NS_PER_MS) & 0xfffffff; /* 28 bits: three days; no name lives so long */
}

void facts_drop(struct facts *facts, uint32_t *first, enum fact_kind kind)
{
	while (*first) {
		uint32_t fact = *first;

		*first = facts_at(facts, fact)->next;
		name_uncache(facts->interner, facts_at(facts, fact)->name, kind);
		pool_give(&facts->pool, fact);
	}
}

static struct fact *facts_find(const struct facts *facts, uint32_t first, uint32_t name, enum name_source source)
{
	for (uint32_t i = first; i; i = facts_at(facts, i)->next) {
		struct fact *f = facts_at(facts, i);

		if (f->name == name && f->source == source)
			return f;
	}
	return NULL;
}

void fact_end(struct fact *fact, uint64_t end_ns)
{
	if (fact_until_ns(fact) >= end_ns)
		fact_live(fact, end_ns > fact->told_ns ? end_ns - fact->told_ns - 1 : 0);
}

static void fact_renew(struct fact *f, const struct telling *t)
{
	uint64_t until_ns = fact_until_ns(f);

	if (t->now_ns < f->told_ns)               /* packet time stepped back; the later telling says it all */
		return;
	if (t->now_ns > until_ns)
		f->since_ns = t->now_ns;
	f->told_ns = t->now_ns;
	fact_live(f, t->life_s * NS_PER_S);
	if (until_ns > fact_until_ns(f))
		fact_live(f, until_ns - t->now_ns);
}

static void fact_set(struct facts *facts, struct fact *f, enum fact_kind kind, const struct telling *t)
{
	f->name = t->name;
	f->source = t->source;
	f->told_ns = f->since_ns = t->now_ns;
	fact_live(f, t->life_s * NS_PER_S);
	name_cache(facts->interner, t->name, kind);
}

/* Where a full list puts one more name: in place of what expired, else of what was told longest ago. */
static struct fact *facts_worst(const struct facts *facts, uint32_t first, uint64_t now_ns)
{
	struct fact *worst = facts_at(facts, first);

	for (uint32_t i = first; i; i = facts_at(facts, i)->next) {
		struct fact *f = facts_at(facts, i);

		if (fact_until_ns(f) < now_ns)
			return f;
		if (f->told_ns < worst->told_ns)
			worst = f;
	}
	return worst;
}

size_t facts_count(const struct facts *facts, uint32_t first)
{
	size_t count = 0;

	for (; first; first = facts_at(facts, first)->next)
		count++;
	return count;
}

bool facts_renew(const struct facts *facts, uint32_t first, const struct telling *t)
{
	struct fact *f = facts_find(facts, first, t->name, t->source);

	if (f)
		fact_renew(f, t);
	return f;
}

int facts_add(struct facts *facts, uint32_t *first, enum fact_kind kind, const struct telling *t)
{
	uint32_t fact;

	if (facts_count(facts, *first) >= FACTS_MAX) {
		struct fact *f = facts_worst(facts, *first, t->now_ns);

		name_uncache(facts->interner, f->name, kind);
		fact_set(facts, f, kind, t);
		return 0;
	}
	fact = pool_take(&facts->pool);
	if (!fact)
		return -1;
	fact_set(facts, facts_at(facts, fact), kind, t);
	while (*first)
		first = &facts_at(facts, *first)->next;
	*first = fact;                            /* at the end: of names told in one breath the first counts more */
	return 1;
}

bool facts_are_over(const struct facts *facts, uint32_t first, uint64_t now_ns)
{
	for (; first; first = facts_at(facts, first)->next) {
		if (fact_until_ns(facts_at(facts, first)) >= now_ns)
			return false;
	}
	return true;
}
