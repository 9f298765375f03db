/* SPDX-License-Identifier: Apache-2.0 */
/* names_stream.c - TCP reassembly with ranges: small, bounded, first copy wins. */
#include "names_stream.h"
#include <stdlib.h>
#include <string.h>
#include "../base/siphash.h"

#define STREAM_STEP 1024                          /* octets; a buffer starts with this and doubles */

uint64_t stream_id_of(const struct streams *streams, const void *key, size_t len)
{
	return siphash13(key, len, streams->seed);
}

static uint32_t stream_hash(const struct streams *streams, uint64_t id)
{
	return (uint32_t)siphash13(&id, sizeof(id), streams->seed);
}

static struct stream *stream_at(const struct streams *streams, uint32_t stream)
{
	return pool_at(&streams->table.pool, stream);
}

int streams_init(struct streams *streams, struct budget *budget, const uint64_t seed[2], size_t max, size_t max_octets)
{
	*streams = (struct streams){ .seed = { seed[0], seed[1] }, .max_octets = max_octets };
	return table_init(&streams->table, budget, sizeof(struct stream), max);
}

void streams_free(struct streams *streams)
{
	for (uint32_t i = streams->table.oldest; i; i = stream_at(streams, i)->item.newer)
		free(stream_at(streams, i)->data);
	table_free(&streams->table);
}

static void data_free(struct streams *streams, struct stream *stream)
{
	free(stream->data);
	streams->octets -= stream->size;
	stream->data = NULL;
	stream->size = 0;
	stream->range_count = 0;
}

void stream_close(struct streams *streams, struct stream *stream)
{
	if (!stream)
		return;
	data_free(streams, stream);
	table_remove(&streams->table, stream->number);
}

void stream_kill(struct streams *streams, struct stream *stream)
{
	data_free(streams, stream);
	stream->is_dead = true;
}

static void evict_oldest(struct streams *streams)
{
	struct stream *oldest = stream_at(streams, streams->table.oldest);

	streams->evicted += oldest->range_count > 0;
	stream_close(streams, oldest);
}

struct stream *stream_find(struct streams *streams, uint64_t id)
{
	uint32_t hash = stream_hash(streams, id), i = table_first(&streams->table, hash);

	while (i && stream_at(streams, i)->id != id)
		i = table_next(&streams->table, i, hash);
	if (!i)
		return NULL;
	table_touch(&streams->table, i);
	return stream_at(streams, i);
}

struct stream *stream_open(struct streams *streams, uint64_t id, uint32_t base_seq)
{
	uint32_t hash = stream_hash(streams, id), i = table_add(&streams->table, hash);

	if (!i && streams->table.oldest) {
		evict_oldest(streams);
		i = table_add(&streams->table, hash);
	}
	if (!i)
		return NULL;
	stream_at(streams, i)->number = i;
	stream_at(streams, i)->id = id;
	stream_at(streams, i)->base_seq = base_seq;
	return stream_at(streams, i);
}

/* Room for octets up to `to`; older streams go for it. */
static bool data_grow(struct streams *streams, struct stream *stream, uint32_t to, size_t window)
{
	size_t size = stream->size ? stream->size : STREAM_STEP, more;
	uint8_t *data;

	while (size < to)
		size *= 2;
	if (size > window)
		size = window;
	if (size <= stream->size)
		return true;
	more = size - stream->size;
	while (streams->octets + more > streams->max_octets && streams->table.oldest != stream->number)
		evict_oldest(streams);
	if (streams->octets + more > streams->max_octets)
		return false;
	data = realloc(stream->data, size);
	if (!data)
		return false;
	streams->octets += more;
	stream->data = data;
	stream->size = (uint32_t)size;
	return true;
}

/* Copy what of [from, to) is not there yet. */
static void fill_gaps(struct stream *stream, uint32_t from, uint32_t to, const uint8_t *octets)
{
	uint32_t at = from;

	for (int i = 0; i < stream->range_count && at < to; i++) {
		uint32_t known_from = stream->ranges[i].from, known_to = stream->ranges[i].to;

		if (known_to <= at)
			continue;
		if (known_from > at)
			memcpy(stream->data + at, octets + (at - from), (known_from < to ? known_from : to) - at);
		at = known_to;
	}
	if (at < to)
		memcpy(stream->data + at, octets + (at - from), to - at);
}

/* The ranges with [from, to) in them, touching ones joined. false: too many. */
static bool join_ranges(struct stream *stream, uint32_t from, uint32_t to)
{
	int first = 0, last;
	size_t behind;

	while (first < stream->range_count && stream->ranges[first].to < from)
		first++;
	for (last = first; last < stream->range_count && stream->ranges[last].from <= to; last++) {
		if (stream->ranges[last].from < from)
			from = stream->ranges[last].from;
		if (stream->ranges[last].to > to)
			to = stream->ranges[last].to;
	}
	if (first == last && stream->range_count == STREAM_RANGES)
		return false;
	behind = (size_t)(stream->range_count - last);
	memmove(&stream->ranges[first + 1], &stream->ranges[last], behind * sizeof(stream->ranges[0]));
	stream->range_count = (uint8_t)((size_t)first + 1 + behind);
	stream->ranges[first].from = from;
	stream->ranges[first].to = to;
	return true;
}

bool stream_put(struct streams *streams, struct stream *stream, uint32_t seq, const uint8_t *segment, size_t len,
		size_t window)
{
	int32_t offset = (int32_t)(seq - stream->base_seq); /* sequence numbers wrap, RFC 9293 3.4 */

	if (offset < 0) {                         /* a part, or all, of what was consumed long ago */
		size_t old = (size_t)-(int64_t)offset;

		if (old >= len)
			return true;
		segment += old;
		len -= old;
		offset = 0;
	}
	if (len > window || (size_t)offset > window - len)
		return false;
	if (!len)
		return true;
	if (!data_grow(streams, stream, (uint32_t)((size_t)offset + len), window))
		return false;
	fill_gaps(stream, (uint32_t)offset, (uint32_t)((size_t)offset + len), segment);
	return join_ranges(stream, (uint32_t)offset, (uint32_t)((size_t)offset + len));
}

size_t stream_ready(const struct stream *stream)
{
	return stream->range_count && !stream->ranges[0].from ? stream->ranges[0].to : 0;
}

void stream_consume(struct stream *stream, size_t len)
{
	uint32_t end = stream->range_count ? stream->ranges[stream->range_count - 1].to : 0;
	int keep = 0;

	if (end > len)
		memmove(stream->data, stream->data + len, end - len);
	for (int i = 0; i < stream->range_count; i++) {
		if (stream->ranges[i].to <= len)
			continue;
		stream->ranges[keep].from = stream->ranges[i].from > len ? stream->ranges[i].from - (uint32_t)len : 0;
		stream->ranges[keep++].to = stream->ranges[i].to - (uint32_t)len;
	}
	stream->range_count = (uint8_t)keep;
	stream->base_seq += (uint32_t)len;
}
