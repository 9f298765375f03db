/* SPDX-License-Identifier: Apache-2.0 */
/* names_intern.h - each name text and each list of names is kept once, counted by who refers to it.
 *
 * A list of one name needs no memory of its own: its number holds the name and the source.
 */
#ifndef DEVOURER_NAMES_INTERN_H
#define DEVOURER_NAMES_INTERN_H
#include "names.h"
#include "names_table.h"

struct interner {
	struct table names, lists;
	struct budget budget;                     /* of both tables and the texts */
	uint64_t seed[2];
	size_t cached[2];                         /* names that facts refer to; enum fact_kind */
};

/* What clients were told, and what hosts say of themselves: each has its own bound of names, so that neither pushes the
 * other out. */
enum fact_kind { FACT_TOLD, FACT_LOCAL };

struct name_entry {
	uint32_t name;
	enum name_source source;
};

int interner_init(struct interner *in, const uint64_t seed[2]); /* 0 or -ENOMEM */
void interner_free(struct interner *in);

/* The number of a text, with one reference for the caller; 0: no room. */
uint32_t name_intern(struct interner *in, const char *text, size_t len);
void name_put(struct interner *in, uint32_t name);

/* A fact of the cache takes or drops its reference; these names are counted in `cached`. */
void name_cache(struct interner *in, uint32_t name, enum fact_kind kind);
void name_uncache(struct interner *in, uint32_t name, enum fact_kind kind);
bool name_is_cached(const struct interner *in, uint32_t name, enum fact_kind kind);

bool name_same(const struct interner *in, uint32_t a, uint32_t b); /* but for the case of ASCII letters */
const char *name_text(const struct interner *in, uint32_t name);

/* A list of `count` (NAMES_PER_SIDE at most) entries, with one reference for the caller; 0: it is empty, or no room. */
name_list list_intern(struct interner *in, const struct name_entry *entries, size_t count);
size_t list_entries(const struct interner *in, name_list list, struct name_entry out[NAMES_PER_SIDE]);
void list_put(struct interner *in, name_list list);
size_t list_view(const struct interner *in, name_list list, struct name_view out[NAMES_PER_SIDE]);
#endif
