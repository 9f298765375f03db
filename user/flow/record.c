/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - the table of a record's members, and its JSON written straight from it. */
#include <string.h>
#include "../base/number.h"
#include "../base/time.h"
#include "record.h"

/* ---- values ---- */

static char *put_text(char *out, const char *text)
{
	size_t len = strlen(text);

	memcpy(out, text, len);
	return out + len;
}

static char *put_quoted(char *out, const char *text)
{
	*out++ = '"';
	out = put_text(out, text);
	*out++ = '"';
	return out;
}

/* Names are printable ASCII, so these two are all that RFC 8259 7 asks to escape. Interface names come from the system. */
static char *put_escaped(char *out, const char *text, size_t len)
{
	*out++ = '"';
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			*out++ = '\\';
		*out++ = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	}
	*out++ = '"';
	return out;
}

static char *put_u64(char *out, uint64_t value)
{
	return out + u64_format(out, value > INT64_MAX ? INT64_MAX : value); /* the engines' integers are signed */
}

static char *put_known(char *out, uint32_t value)
{
	return value == RECORD_UNKNOWN ? out : put_u64(out, value);
}

static const char hex_digits[] = "0123456789abcdef";

static char *put_hex_octet(char *out, uint8_t octet)
{
	*out++ = hex_digits[octet >> 4];
	*out++ = hex_digits[octet & 15];
	return out;
}

static char *put_id(char *out, const struct record *r)
{
	*out++ = '"';
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		out = put_hex_octet(out, r->id[i]);
	}
	*out++ = '"';
	return out;
}

static char *put_ip4(char *out, const uint8_t *addr)
{
	for (int i = 0; i < 4; i++) {
		if (i)
			*out++ = '.';
		out += u64_format(out, addr[i]);
	}
	return out;
}

/* RFC 5952 4.2.2: the longest run of at least two zero groups, the first of equals, as "::". */
static int longest_zeros(const uint8_t *addr, int groups, int *len)
{
	int best = -1;

	*len = 1;
	for (int i = 0; i < groups; i++) {
		int n = 0;

		while (i + n < groups && !addr[2 * (i + n)] && !addr[2 * (i + n) + 1])
			n++;
		if (n > *len) {
			best = i;
			*len = n;
		}
		i += n;
	}
	return best;
}

static char *put_group(char *out, const uint8_t *group)
{
	unsigned value = (unsigned)group[0] << 8 | group[1];
	int digits = value > 0xfff ? 4 : value > 0xff ? 3 : value > 0xf ? 2 : 1;

	while (digits--)
		*out++ = hex_digits[value >> 4 * digits & 15];
	return out;
}

static char *put_ip6(char *out, const uint8_t *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool is_mapped = !memcmp(addr, mapped, 12);
	int groups = is_mapped ? 6 : 8, zeros_len, zeros = longest_zeros(addr, groups, &zeros_len);

	for (int i = 0; i < groups; i++) {
		if (i == zeros) {
			*out++ = ':';
			*out++ = ':';
			i += zeros_len - 1;
			continue;
		}
		if (i && i != zeros + zeros_len)
			*out++ = ':';
		out = put_group(out, addr + 2 * i);
	}
	if (!is_mapped)
		return out;
	*out++ = ':';
	return put_ip4(out, addr + 12);           /* RFC 5952 5 */
}

static char *put_addr(char *out, const struct record *r, const struct record_side *side)
{
	*out++ = '"';
	out = r->ip_version == 4 ? put_ip4(out, side->addr + 12) : put_ip6(out, side->addr);
	*out++ = '"';
	return out;
}

static char *put_mac(char *out, const struct record_side *side)
{
	if (!side->mac)
		return out;
	*out++ = '"';
	for (int i = 0; i < 6; i++) {
		if (i)
			*out++ = ':';
		out = put_hex_octet(out, side->mac[i]);
	}
	*out++ = '"';
	return out;
}

static char *put_names(char *out, const struct record_side *side)
{
	if (!side->name_count)
		return out;
	*out++ = '[';
	for (int i = 0; i < side->name_count; i++) {
		if (i)
			*out++ = ',';
		out = put_escaped(out, side->names[i].text, side->names[i].len);
	}
	*out++ = ']';
	return out;
}

static char *put_sources(char *out, const struct record_side *side)
{
	if (!side->name_count)
		return out;
	*out++ = '[';
	for (int i = 0; i < side->name_count; i++) {
		if (i)
			*out++ = ',';
		out = put_quoted(out, side->names[i].source);
	}
	*out++ = ']';
	return out;
}

static char *put_time(char *out, uint64_t ns)
{
	*out++ = '"';
	out += time_format(out, ns);
	*out++ = '"';
	return out;
}

static char *put_community_id(char *out, const struct record *r)
{
	char id[RECORD_COMMUNITY_ID_SIZE];

	record_community_id(id, r);
	return put_quoted(out, id);
}

static char *put_tcp_flags(char *out, const struct record *r, const struct record_side *side)
{
	return r->protocol_number == 6 ? put_u64(out, side->tcp_flags) : out;
}

static char *protocol(char *out, const struct record *r) { return put_quoted(out, r->protocol); }
static char *src_addr(char *out, const struct record *r) { return put_addr(out, r, &r->src); }
static char *dst_addr(char *out, const struct record *r) { return put_addr(out, r, &r->dst); }
static char *src_port(char *out, const struct record *r) { return put_u64(out, r->src.port); }
static char *dst_port(char *out, const struct record *r) { return put_u64(out, r->dst.port); }
static char *src_mac(char *out, const struct record *r) { return put_mac(out, &r->src); }
static char *dst_mac(char *out, const struct record *r) { return put_mac(out, &r->dst); }
static char *src_names(char *out, const struct record *r) { return put_names(out, &r->src); }
static char *dst_names(char *out, const struct record *r) { return put_names(out, &r->dst); }
static char *first_seen(char *out, const struct record *r) { return put_time(out, r->first_ns); }
static char *last_seen(char *out, const struct record *r) { return put_time(out, r->last_ns); }
static char *src_octets(char *out, const struct record *r) { return put_u64(out, r->src.octets); }
static char *dst_octets(char *out, const struct record *r) { return put_u64(out, r->dst.octets); }
static char *src_packets(char *out, const struct record *r) { return put_u64(out, r->src.packets); }
static char *dst_packets(char *out, const struct record *r) { return put_u64(out, r->dst.packets); }
static char *status(char *out, const struct record *r) { return put_quoted(out, r->is_established ? "established" : "init"); }
static char *vlan(char *out, const struct record *r) { return put_known(out, r->vlan); }
static char *interface(char *out, const struct record *r) { return *r->interface ? put_escaped(out, r->interface, strlen(r->interface)) : out; }
static char *src_flags(char *out, const struct record *r) { return put_tcp_flags(out, r, &r->src); }
static char *dst_flags(char *out, const struct record *r) { return put_tcp_flags(out, r, &r->dst); }
static char *end_reason(char *out, const struct record *r) { return put_quoted(out, r->end_reason); }
static char *rtt(char *out, const struct record *r) { return put_known(out, r->rtt_us); }
static char *icmp_type(char *out, const struct record *r) { return put_known(out, r->icmp_type); }
static char *icmp_code(char *out, const struct record *r) { return put_known(out, r->icmp_code); }
static char *is_self(char *out, const struct record *r) { return put_text(out, r->is_self ? "true" : "false"); }
static char *src_sources(char *out, const struct record *r) { return put_sources(out, &r->src); }
static char *dst_sources(char *out, const struct record *r) { return put_sources(out, &r->dst); }
static char *part(char *out, const struct record *r) { return put_u64(out, r->part); }

/* ---- the table ---- */

static const struct record_member members[] = { /* in the order of the JSON object */
	{ NULL, "id", put_id, false, "string", 0, "id", "STRING", "REQUIRED", "UUID version 8, the same when the same flow is recorded again" },
	{ NULL, "protocol", protocol, false, "string", 1, "protocol", "STRING", "REQUIRED", "tcp, udp, icmp4 or icmp6" },
	{ "src", "addr", src_addr, false, "string", 2, "src_addr", "STRING", "REQUIRED", "sender of the first packet; IPv4 dotted, IPv6 as RFC 5952" },
	{ "src", "port", src_port, false, "number", 4, "src_port", "INTEGER", "REQUIRED", "0 for ICMP and where ports are not known" },
	{ "src", "hw_addr", src_mac, false, "string", 6, "src_hw_addr", "STRING", "REQUIRED", "MAC of the first packet; left out when there is none" },
	{ "src", "names", src_names, false, "array", 8, "src_names", "STRING", "REPEATED", "host names, best first, at most 8; left out when empty" },
	{ "dst", "addr", dst_addr, false, "string", 3, "dst_addr", "STRING", "REQUIRED", "the other end" },
	{ "dst", "port", dst_port, false, "number", 5, "dst_port", "INTEGER", "REQUIRED", "as src" },
	{ "dst", "hw_addr", dst_mac, false, "string", 7, "dst_hw_addr", "STRING", "REQUIRED", "as src" },
	{ "dst", "names", dst_names, false, "array", 9, "dst_names", "STRING", "REPEATED", "as src" },
	{ NULL, "first_seen_at", first_seen, false, "string", 10, "first_seen_at", "TIMESTAMP", "REQUIRED", "first packet, RFC 3339 in UTC" },
	{ NULL, "last_seen_at", last_seen, false, "string", 11, "last_seen_at", "TIMESTAMP", "REQUIRED", "last packet" },
	{ "src_stat", "bytes", src_octets, false, "number", 12, "src_bytes", "INTEGER", "REQUIRED", "octets of the frames that src sent, without FCS" },
	{ "src_stat", "packets", src_packets, false, "number", 14, "src_packets", "INTEGER", "REQUIRED", "packets that src sent" },
	{ "dst_stat", "bytes", dst_octets, false, "number", 13, "dst_bytes", "INTEGER", "REQUIRED", "octets of the frames that dst sent" },
	{ "dst_stat", "packets", dst_packets, false, "number", 15, "dst_packets", "INTEGER", "REQUIRED", "packets that dst sent" },
	{ NULL, "status", status, false, "string", 16, "status", "STRING", "REQUIRED", "init: one direction only; established: both seen" },
	{ NULL, "vlan", vlan, true, "number", 17, "vlan", "INTEGER", "NULLABLE", "id of the outermost tag of the first packet; left out without one" },
	{ NULL, "interface", interface, true, "string", 18, "interface", "STRING", "NULLABLE", "where the flow was counted; left out for capture files" },
	{ "tcp_flags", "src", src_flags, true, "number", 19, "src_tcp_flags", "INTEGER", "NULLABLE", "TCP flags that src sent, or'ed (FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32); TCP only" },
	{ "tcp_flags", "dst", dst_flags, true, "number", 20, "dst_tcp_flags", "INTEGER", "NULLABLE", "those that dst sent" },
	{ NULL, "end_reason", end_reason, true, "string", 21, "end_reason", "STRING", "NULLABLE", "idle, active, shutdown, overflow or eof" },
	{ NULL, "rtt_us", rtt, true, "number", 22, "rtt_us", "INTEGER", "NULLABLE", "SYN to SYN-ACK in microseconds; left out when not seen" },
	{ NULL, "icmp_type", icmp_type, true, "number", 23, "icmp_type", "INTEGER", "NULLABLE", "of the first packet; ICMP only" },
	{ NULL, "icmp_code", icmp_code, true, "number", 24, "icmp_code", "INTEGER", "NULLABLE", "of the first packet; ICMP only" },
	{ NULL, "self", is_self, true, "boolean", 25, "self", "BOOLEAN", "NULLABLE", "true for our own upload" },
	{ "name_sources", "src", src_sources, true, "array", 26, "src_name_sources", "STRING", "REPEATED", "where each of src.names comes from: sni, dns, mdns, dhcp, …; left out without names" },
	{ "name_sources", "dst", dst_sources, true, "array", 27, "dst_name_sources", "STRING", "REPEATED", "the same for dst.names" },
	{ NULL, "community_id", put_community_id, true, "string", 28, "community_id", "STRING", "NULLABLE", "Community ID v1, seed 0" },
	{ NULL, "part", part, true, "number", 29, "part", "INTEGER", "NULLABLE", "0, 1, 2… for the records of one flow under --active-timeout" },
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

size_t record_members(const struct record_member **out)
{
	*out = members;
	return MEMBERS;
}

static char *put_key(char *out, const char *key)
{
	out = put_quoted(out, key);
	*out++ = ':';
	return out;
}

/* The members of one group from `*i` on, in braces; nothing at all when every one of them is left out. */
static char *put_object(char *out, const struct record *record, size_t *i)
{
	const char *group = members[*i].group;
	char *start = out, *at = put_key(out, group), *value;
	bool is_empty = true;

	for (*at++ = '{'; *i < MEMBERS && members[*i].group == group; (*i)++) {
		char *key = at;

		if (!is_empty)
			*at++ = ',';
		at = put_key(at, members[*i].name);
		value = members[*i].put(at, record);
		at = value == at ? key : value;
		is_empty = is_empty && at == key;
	}
	*at++ = '}';
	return is_empty ? start : at;
}

static char *put_member(char *out, const struct record *record, size_t *i)
{
	const struct record_member *member = &members[(*i)++];
	char *at = put_key(out, member->name), *end = member->put(at, record);

	return end == at ? out : end;
}

size_t record_json(char *out, const struct record *record, bool extended)
{
	char *at = out, *end;

	*at++ = '{';
	for (size_t i = 0; i < MEMBERS && (extended || !members[i].is_extended);) {
		char *from = at + (at - out > 1);  /* behind a comma, but for the first member */

		end = members[i].group ? put_object(from, record, &i) : put_member(from, record, &i);
		if (end == from)
			continue;
		if (from != at)
			*at = ',';
		at = end;
	}
	*at++ = '}';
	*at++ = '\n';
	return (size_t)(at - out);
}

static void print_row(FILE *out, const struct record_member *m)
{
	fprintf(out, "%s%s%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m->group ? m->group : "", m->group ? "." : "", m->name, m->json_type,
		m->is_extended ? "extended" : "basic", m->column, m->column_type, m->mode, m->says);
}

void record_print_table(FILE *out)
{
	for (size_t order = 0; order < MEMBERS; order++)
		for (size_t i = 0; i < MEMBERS; i++)
			if (members[i].column_order == (int)order)
				print_row(out, &members[i]);
}
