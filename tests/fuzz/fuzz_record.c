/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_record.c - what a record's JSON says is what went in, by the word of another JSON parser. */
#include <arpa/inet.h>
#include <jansson.h>
#include "../../user/flow/record.h"
#include "../../user/name/text.h"
#include "invariants.h"

/* Octets of the input, then zeros. */
struct input { const uint8_t *at; size_t left; };

static const uint8_t *take(struct input *in, void *to, size_t len)
{
	size_t n = len < in->left ? len : in->left;

	memset(to, 0, len);
	memcpy(to, in->at, n);
	in->at += n;
	in->left -= n;
	return to;
}

static unsigned take_octet(struct input *in)
{
	uint8_t octet;

	return *take(in, &octet, 1);
}

/* What the encoder may say instead of a text: printable ASCII as it is, `?` for the rest. */
static void expected_text(char *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	out[len] = 0;
}

struct side { uint8_t addr[16], mac[6]; char names[RECORD_NAMES][NAME_TEXT_MAX + 1]; };

/* Names as the dissectors make them, and some as they never should. */
static void take_names(struct input *in, struct record_side *side, struct side *own)
{
	side->name_count = (uint8_t)(take_octet(in) % (RECORD_NAMES + 1));
	for (int i = 0; i < side->name_count; i++) {
		uint8_t octets[HOST_NAME_MAX_OCTETS];
		unsigned kind = take_octet(in), len = take_octet(in) % (HOST_NAME_MAX_OCTETS + 1);

		take(in, octets, len);
		if (kind & 1)
			side->names[i].len = (uint16_t)text_from_label(own->names[i], octets, len);
		else
			memcpy(own->names[i], octets, side->names[i].len = (uint16_t)len);
		side->names[i].text = own->names[i];
		side->names[i].source = "dns";
	}
}

static void take_side(struct input *in, struct record_side *side, struct side *own)
{
	unsigned flags = take_octet(in);

	side->addr = take(in, own->addr, sizeof(own->addr));
	if (flags & 1)
		memcpy(own->addr, "\0\0\0\0\0\0\0\0\0\0\377\377", 12);
	side->mac = flags & 2 ? take(in, own->mac, sizeof(own->mac)) : NULL;
	take(in, &side->octets, sizeof(side->octets));
	take(in, &side->packets, sizeof(side->packets));
	take(in, &side->port, sizeof(side->port));
	side->tcp_flags = (uint8_t)take_octet(in);
	take_names(in, side, own);
}

static void must_be_number(const json_t *json, uint64_t value)
{
	must(json_is_integer(json) && (uint64_t)json_integer_value(json) == (value > INT64_MAX ? INT64_MAX : value));
}

static void must_be_address(const json_t *json, const uint8_t *addr, uint8_t version)
{
	uint8_t back[16];

	must(json_is_string(json));
	if (version == 4) {
		must(inet_pton(AF_INET, json_string_value(json), back) == 1 && !memcmp(back, addr + 12, 4));
		return;
	}
	must(inet_pton(AF_INET6, json_string_value(json), back) == 1 && !memcmp(back, addr, 16));
}

static void must_be_side(const json_t *json, const json_t *stat, const struct record_side *side, uint8_t version)
{
	const json_t *names = json_object_get(json, "names");

	must_be_address(json_object_get(json, "addr"), side->addr, version);
	must_be_number(json_object_get(json, "port"), side->port);
	must_be_number(json_object_get(stat, "bytes"), side->octets);
	must_be_number(json_object_get(stat, "packets"), side->packets);
	must(json_is_string(json_object_get(json, "hw_addr")) == (side->mac != NULL));
	must(json_array_size(names) == side->name_count && json_is_array(names) == (side->name_count > 0));
	for (int i = 0; i < side->name_count; i++) {
		char expected[NAME_TEXT_MAX + 1];
		const json_t *name = json_array_get(names, (size_t)i);

		expected_text(expected, side->names[i].text, side->names[i].len);
		must(json_string_length(name) == side->names[i].len && !strcmp(json_string_value(name), expected));
	}
}

static void must_be_record(const char *line, size_t len, const struct record *record, bool extended)
{
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	char expected[64];

	must(json_is_object(json));
	must_be_side(json_object_get(json, "src"), json_object_get(json, "src_stat"), &record->src, record->ip_version);
	must_be_side(json_object_get(json, "dst"), json_object_get(json, "dst_stat"), &record->dst, record->ip_version);
	must(json_object_size(json) >= 9 && (json_object_get(json, "part") != NULL) == extended);
	if (extended) {
		const json_t *interface = json_object_get(json, "interface");

		expected_text(expected, record->interface, strlen(record->interface));
		must(*expected ? !strcmp(json_string_value(interface), expected) : !interface);
		must_be_number(json_object_get(json, "part"), record->part);
		must((json_object_get(json, "rtt_us") != NULL) == (record->rtt_us != RECORD_UNKNOWN));
	}
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[RECORD_JSON_MAX];
	static struct side sides[2];
	struct input in = { data, size };
	struct record record = { .protocol = "tcp", .end_reason = "idle" };
	unsigned flags = take_octet(&in);
	char interface[17] = "";
	size_t len;

	take(&in, record.id, sizeof(record.id));
	take(&in, &record.first_ns, sizeof(record.first_ns));
	take(&in, &record.last_ns, sizeof(record.last_ns));
	take(&in, &record.rtt_us, sizeof(record.rtt_us));
	take(&in, &record.part, sizeof(record.part));
	take(&in, interface, sizeof(interface) - 1);
	record.interface = interface;
	record.vlan = record.icmp_type = record.icmp_code = flags & 4 ? RECORD_UNKNOWN : record.part;
	record.protocol_number = flags & 8 ? 6 : 58;
	record.ip_version = flags & 1 ? 4 : 6;
	record.is_established = flags & 16;
	take_side(&in, &record.src, &sides[0]);
	take_side(&in, &record.dst, &sides[1]);
	len = record_json(line, &record, flags & 2);
	must(len > 0 && len <= sizeof(line) && line[len - 1] == '\n');
	for (size_t i = 0; i < len - 1; i++)
		must(line[i] >= 0x20 && line[i] < 0x7f);
	must_be_record(line, len, &record, flags & 2);
	return 0;
}
