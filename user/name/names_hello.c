/* SPDX-License-Identifier: Apache-2.0 */
/* names_hello.c - the name that a flow says itself: the server name of its ClientHello, over any number of segments. */
#include <string.h>
#include "names_impl.h"

static size_t find_entry(const struct interner *in, const struct name_entry *entries, size_t count, uint32_t name)
{
	size_t i = 0;

	while (i < count && !name_same(in, entries[i].name, name))
		i++;
	return i;
}

/* With an encrypted hello the visible name may be that of a front: it goes behind what the client asked for, unless that
 * is the same name (draft-ietf-tls-esni 6.2: such an extension may also be there for show). */
static size_t place_of(const struct interner *in, const struct name_entry *entries, size_t count, uint32_t name,
		       bool has_ech)
{
	size_t place = 0, twin = find_entry(in, entries, count, name);

	if (!has_ech || (twin < count && entries[twin].source == NAME_DNS))
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (entries[i].source == NAME_DNS)
			place = i + 1;
	}
	return place < NAMES_PER_SIDE ? place : NAMES_PER_SIDE - 1;
}

/* *list with `name` in it as the flow's own; the reference to the old one is dropped. */
static void list_with_own(struct interner *in, name_list *list, uint32_t name, bool has_ech)
{
	struct name_entry entries[NAMES_PER_SIDE + 1];
	size_t count = list_entries(in, *list, entries);
	size_t place = place_of(in, entries, count, name, has_ech), twin;
	name_list made;

	memmove(&entries[place + 1], &entries[place], (count - place) * sizeof(entries[0]));
	entries[place] = (struct name_entry){ .name = name, .source = NAME_SNI };
	count++;
	for (twin = 0; twin < count; twin++) {
		if (twin != place && name_same(in, entries[twin].name, name))
			break;
	}
	if (twin < count) {
		count--;
		memmove(&entries[twin], &entries[twin + 1], (count - twin) * sizeof(entries[0]));
	}
	made = list_intern(in, entries, count < NAMES_PER_SIDE ? count : NAMES_PER_SIDE);
	if (!made)
		return;
	list_put(in, *list);
	*list = made;
}

static uint64_t hello_id(uint64_t flow_id, bool from_high)
{
	return flow_id << 1 | from_high;
}

static enum names_hello hello_done(struct names *n, int status, const struct tls_hello *hello, name_list *list)
{
	uint32_t name;

	n->counters[NAMES_MALFORMED] += status == DISSECT_BAD;
	if (status == DISSECT_BAD || status == DISSECT_OTHER)
		return NAMES_HELLO_DONE;
	n->counters[NAMES_HELLOS]++;
	n->counters[NAMES_HELLOS_WITHOUT_SNI] += !hello->sni_len;
	name = hello->sni_len ? name_intern(&n->interner, hello->sni, hello->sni_len) : 0;
	n->counters[NAMES_NO_ROOM] += hello->sni_len && !name;
	if (!name)
		return NAMES_HELLO_DONE;
	list_with_own(&n->interner, list, name, hello->has_ech);
	name_put(&n->interner, name);
	return NAMES_HELLO_NAME;
}

/* Keep the segment and look at what is there without a gap. DISSECT_SHORT: more is to come. */
static int hello_continue(struct names *n, struct stream *s, uint32_t seq, const uint8_t *payload, size_t len,
			  struct tls_hello *hello)
{
	size_t before = stream_ready(s), ready;

	if (!stream_put(&n->hello_streams, s, seq, payload, len, TLS_HELLO_MAX))
		return DISSECT_OTHER;
	ready = stream_ready(s);
	return ready > before ? tls_client_hello(s->data, ready, hello) : DISSECT_SHORT;
}

enum names_hello names_hello(struct names *n, uint64_t flow_id, bool from_high, uint32_t base_seq, uint32_t seq,
			     const uint8_t *payload, size_t len, bool is_cut, uint64_t now_ns, name_list *list)
{
	struct tls_hello hello = { .sni_len = 0 };
	struct stream *s;
	int status = DISSECT_SHORT;

	(void)now_ns;
	if (!n->options.flow_names)
		return NAMES_HELLO_DONE;
	if (!len)
		return is_cut ? NAMES_HELLO_DONE : NAMES_HELLO_MORE;
	s = stream_find(&n->hello_streams, hello_id(flow_id, from_high));
	if (!s && seq == base_seq) {              /* nearly always one segment has it all, and nothing need be kept */
		status = tls_client_hello(payload, len, &hello);
		if (status != DISSECT_SHORT || is_cut)
			return hello_done(n, status, &hello, list);
	}
	if (!s)
		s = stream_open(&n->hello_streams, hello_id(flow_id, from_high), base_seq);
	status = s ? hello_continue(n, s, seq, payload, len, &hello) : DISSECT_OTHER;
	if (status == DISSECT_SHORT && !is_cut)
		return NAMES_HELLO_MORE;
	stream_close(&n->hello_streams, s);
	return hello_done(n, status, &hello, list);
}

void names_hello_forget(struct names *n, uint64_t flow_id)
{
	for (int high = 0; high < 2; high++)
		stream_close(&n->hello_streams, stream_find(&n->hello_streams, hello_id(flow_id, high)));
}
