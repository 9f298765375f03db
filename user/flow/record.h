/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - what one ended flow becomes, and the one table of its members: JSON, BigQuery schema and docs follow from it. */
#ifndef DEVOURER_RECORD_H
#define DEVOURER_RECORD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RECORD_NAMES 8
#define RECORD_UNKNOWN UINT32_MAX

struct record_name {
	const char *text;                         /* printable ASCII without spaces, at most 1012 octets; lent */
	const char *source;                       /* "dns", "sni", …; lent */
	uint16_t len;
};

struct record_side {
	const uint8_t *addr;                      /* 16 octets, IPv4 as v4-mapped; lent */
	const uint8_t *mac;                       /* 6 octets, or NULL; lent */
	uint64_t octets, packets;
	uint16_t port;
	uint8_t tcp_flags;
	uint8_t name_count;
	struct record_name names[RECORD_NAMES];
};

struct record {
	uint8_t id[16];                           /* UUID version 8 */
	struct record_side src, dst;              /* src sent the first packet */
	uint64_t first_ns, last_ns;               /* wall clock */
	const char *protocol;                     /* "tcp", … */
	const char *end_reason, *interface;       /* interface: "" in capture files */
	uint32_t rtt_us, vlan, icmp_type, icmp_code; /* RECORD_UNKNOWN: left out */
	uint32_t part;
	uint8_t protocol_number, ip_version;
	bool is_established, is_self;
};

/* Octets that a line needs at most: 2 x 8 names of 1012 octets, where each `\` takes two, and all the rest. */
#define RECORD_JSON_MAX (48u << 10)

/* One JSON object and its newline into `out` (RECORD_JSON_MAX octets); how many octets. `extended`: with the members of --extended. */
size_t record_json(char *out, const struct record *record, bool extended);

/* A member of the JSON object, and the BigQuery column it becomes. */
struct record_member {
	const char *group, *name;                 /* {"group":{"name":…}}; group NULL: at the top. Members of a group stand together */
	char *(*put)(char *out, const struct record *record); /* the JSON value; `out` itself: left out */
	bool is_extended;
	const char *json_type;
	int column_order;                         /* of the column, from 0; basic ones first */
	const char *column, *column_type, *mode;
	const char *says;
};

/* The table, in the order of the JSON object; how many. */
size_t record_members(const struct record_member **out);

/* The table as lines of tab-separated columns: JSON path, JSON type, extended or basic, BigQuery column, type, mode, and what it says. */
void record_print_table(FILE *out);

/* Community ID v1 (corelight/community-id-spec): "1:" and base64 of SHA-1, RECORD_COMMUNITY_ID_SIZE octets with the NUL. */
#define RECORD_COMMUNITY_ID_SIZE 31
void record_community_id(char out[RECORD_COMMUNITY_ID_SIZE], const struct record *record);
#endif
