/* SPDX-License-Identifier: Apache-2.0 */
/* names_intern.c - names and lists of names, each kept once and counted. */
#include "names_intern.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../base/siphash.h"

#define MAX_INTERNED (1u << 20)                   /* names, and lists; most often the octets are the bound */
#define MAX_OCTETS   (12u << 20)

struct name {
	struct table_item item;                   /* its hash is that of the text */
	char *text;                               /* `len` octets and a NUL */
	uint32_t refs, facts[2];                  /* all references, and those of them that are facts of a kind */
	uint32_t folded;                          /* hash of the text in lower case */
	uint16_t len;
};

struct list {
	struct table_item item;
	uint32_t refs;
	uint8_t count;
	uint8_t sources[NAMES_PER_SIDE];
	uint32_t names[NAMES_PER_SIDE];
};

/* A list of one name: this bit, the source in four bits, the name in 27. */
#define LIST_IS_ONE 0x80000000u
#define ONE_NAME_BITS 27
#define ONE_NAME_MASK ((1u << ONE_NAME_BITS) - 1)
_Static_assert(MAX_INTERNED < ONE_NAME_MASK && NAME_SOURCES <= 16, "a name and its source fit in a list number");

static struct name *name_at(const struct interner *in, uint32_t name)
{
	return pool_at(&in->names.pool, name);
}

static struct list *list_at(const struct interner *in, name_list list)
{
	return pool_at(&in->lists.pool, list);
}

int interner_init(struct interner *in, const uint64_t seed[2])
{
	*in = (struct interner){ .seed = { seed[0], seed[1] }, .budget.max = MAX_OCTETS };
	if (table_init(&in->names, &in->budget, sizeof(struct name), MAX_INTERNED) ||
	    table_init(&in->lists, &in->budget, sizeof(struct list), MAX_INTERNED))
		return -ENOMEM;
	return 0;
}

void interner_free(struct interner *in)
{
	for (uint32_t name = in->names.oldest; name; name = name_at(in, name)->item.newer)
		free(name_at(in, name)->text);
	table_free(&in->names);
	table_free(&in->lists);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static uint32_t folded_hash(const char *text, size_t len)
{
	uint32_t hash = 2166136261u;              /* FNV-1a: a quick "no" before the texts are compared */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)lower(text[i])) * 16777619u;
	return hash;
}

static uint32_t name_find(const struct interner *in, uint32_t hash, const char *text, size_t len)
{
	uint32_t name = table_first(&in->names, hash);

	while (name && (name_at(in, name)->len != len || memcmp(name_at(in, name)->text, text, len)))
		name = table_next(&in->names, name, hash);
	return name;
}

static size_t text_cost(size_t len)
{
	return (len + 1 + 8 + 15) / 16 * 16;      /* what an allocator usually needs */
}

static uint32_t name_add(struct interner *in, uint32_t hash, const char *text, size_t len)
{
	char *copy = in->budget.octets + text_cost(len) > in->budget.max ? NULL : malloc(len + 1);
	uint32_t name = copy ? table_add(&in->names, hash) : 0;
	struct name *n;

	if (!name) {
		free(copy);
		return 0;
	}
	memcpy(copy, text, len);
	copy[len] = 0;
	in->budget.octets += text_cost(len);
	n = name_at(in, name);
	n->text = copy;
	n->len = (uint16_t)len;
	n->folded = folded_hash(text, len);
	return name;
}

uint32_t name_intern(struct interner *in, const char *text, size_t len)
{
	uint32_t hash = (uint32_t)siphash13(text, len, in->seed);
	uint32_t name = name_find(in, hash, text, len);

	if (!name)
		name = name_add(in, hash, text, len);
	if (name)
		name_at(in, name)->refs++;
	return name;
}

void name_put(struct interner *in, uint32_t name)
{
	struct name *n = name_at(in, name);

	if (--n->refs)
		return;
	in->budget.octets -= text_cost(n->len);
	free(n->text);
	table_remove(&in->names, name);
}

void name_cache(struct interner *in, uint32_t name, enum fact_kind kind)
{
	struct name *n = name_at(in, name);

	n->refs++;
	if (!n->facts[kind]++)
		in->cached[kind]++;
}

void name_uncache(struct interner *in, uint32_t name, enum fact_kind kind)
{
	if (!--name_at(in, name)->facts[kind])
		in->cached[kind]--;
	name_put(in, name);
}

bool name_is_cached(const struct interner *in, uint32_t name, enum fact_kind kind)
{
	return name_at(in, name)->facts[kind];
}

bool name_same(const struct interner *in, uint32_t a, uint32_t b)
{
	const struct name *x = name_at(in, a), *y = name_at(in, b);

	if (a == b)
		return true;
	if (x->folded != y->folded || x->len != y->len)
		return false;
	for (size_t i = 0; i < x->len; i++) {
		if (lower(x->text[i]) != lower(y->text[i]))
			return false;
	}
	return true;
}

const char *name_text(const struct interner *in, uint32_t name)
{
	return name_at(in, name)->text;
}

static uint32_t list_find(const struct interner *in, uint32_t hash, const struct list *like)
{
	uint32_t list = table_first(&in->lists, hash);

	while (list) {
		const struct list *l = list_at(in, list);

		if (l->count == like->count && !memcmp(l->names, like->names, sizeof(l->names)) &&
		    !memcmp(l->sources, like->sources, sizeof(l->sources)))
			return list;
		list = table_next(&in->lists, list, hash);
	}
	return 0;
}

static name_list list_add(struct interner *in, uint32_t hash, const struct list *like)
{
	name_list list = table_add(&in->lists, hash);
	struct list *l;

	if (!list)
		return 0;
	l = list_at(in, list);
	l->count = like->count;
	memcpy(l->names, like->names, sizeof(l->names));
	memcpy(l->sources, like->sources, sizeof(l->sources));
	for (size_t i = 0; i < l->count; i++)
		name_at(in, l->names[i])->refs++;
	return list;
}

name_list list_intern(struct interner *in, const struct name_entry *entries, size_t count)
{
	struct list like = { .count = (uint8_t)count };
	uint32_t hash;
	name_list list;

	if (!count)
		return 0;
	if (count == 1) {
		name_at(in, entries[0].name)->refs++;
		return LIST_IS_ONE | (uint32_t)entries[0].source << ONE_NAME_BITS | entries[0].name;
	}
	for (size_t i = 0; i < count; i++) {
		like.names[i] = entries[i].name;
		like.sources[i] = (uint8_t)entries[i].source;
	}
	hash = (uint32_t)siphash13(like.names, sizeof(like.names), in->seed);
	list = list_find(in, hash, &like);
	if (!list)
		list = list_add(in, hash, &like);
	if (list)
		list_at(in, list)->refs++;
	return list;
}

size_t list_entries(const struct interner *in, name_list list, struct name_entry out[NAMES_PER_SIDE])
{
	const struct list *l;

	if (!list)
		return 0;
	if (list & LIST_IS_ONE) {
		out[0].name = list & ONE_NAME_MASK;
		out[0].source = (list & ~LIST_IS_ONE) >> ONE_NAME_BITS;
		return 1;
	}
	l = list_at(in, list);
	for (size_t i = 0; i < l->count; i++)
		out[i] = (struct name_entry){ .name = l->names[i], .source = l->sources[i] };
	return l->count;
}

void list_put(struct interner *in, name_list list)
{
	struct name_entry entries[NAMES_PER_SIDE];
	size_t count = list_entries(in, list, entries);

	if (!count || (!(list & LIST_IS_ONE) && --list_at(in, list)->refs))
		return;
	for (size_t i = 0; i < count; i++)
		name_put(in, entries[i].name);
	if (!(list & LIST_IS_ONE))
		table_remove(&in->lists, list);
}

size_t list_view(const struct interner *in, name_list list, struct name_view out[NAMES_PER_SIDE])
{
	struct name_entry entries[NAMES_PER_SIDE];
	size_t count = list_entries(in, list, entries);

	for (size_t i = 0; i < count; i++) {
		const struct name *n = name_at(in, entries[i].name);

		out[i] = (struct name_view){ .text = n->text, .len = n->len, .source = entries[i].source };
	}
	return count;
}
