/* SPDX-License-Identifier: Apache-2.0 */
/* dissect_nbns.c - NetBIOS name service messages (RFC 1002 4.2): which names a host registers, or is said to have. */
#include "cursor.h"
#include "dissect.h"
#include "text.h"

#define HEADER_LEN 12
#define RECORDS_MAX 256
#define FACTS_MAX 256
#define NETBIOS_LEN 16                            /* 15 octets of name and the suffix, RFC 1001 14.1 */

/* Opcodes (4.2.1.1), types and class (4.2.1.3), flags of a name (4.2.1.3, 4.2.18). */
enum { NBNS_QUERY = 0, NBNS_REGISTER = 5, NBNS_REFRESH = 8, NBNS_REFRESH_ALT = 9, NBNS_REGISTER_MULTI = 15 };
enum { NBNS_NB = 0x0020, NBNS_NBSTAT = 0x0021, NBNS_CLASS_IN = 1 };
enum { NBNS_GROUP = 0x8000, NBNS_DEREGISTER = 0x1000, NBNS_CONFLICT = 0x0800 };

/* One message while it is read. */
struct message {
	bool is_response;
	enum nbns_kind kind;                      /* of its NB records */
	nbns_learn_fn *learn;
	void *ctx;
	unsigned told;                            /* facts given to `learn` */
};

/* Half-ASCII (RFC 1001 14.1): two letters from A to P for each octet. */
static bool halves_decode(const uint8_t *halves, uint8_t name[NETBIOS_LEN])
{
	for (int i = 0; i < NETBIOS_LEN; i++) {
		uint8_t high = (uint8_t)(halves[2 * i] - 'A'), low = (uint8_t)(halves[2 * i + 1] - 'A');

		if (high > 15 || low > 15)
			return false;
		name[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The first label is the name; the scope behind it is stepped over. */
static int owner_read(struct cursor owner, uint8_t name[NETBIOS_LEN])
{
	struct labels labels = labels_of(&owner);
	const uint8_t *label = NULL;
	int len = labels_next(&labels, &label);

	if (len < 0)
		return len;
	if (!label || len != 2 * NETBIOS_LEN || !halves_decode(label, name))
		return DISSECT_BAD;
	while ((len = labels_next(&labels, &label)) > 0)
		;
	return len;
}

/* The length of a name that a host can have: without trailing spaces; 0 for "*", __MSBROWSE__ and the like. */
static size_t host_len(const uint8_t name[NETBIOS_LEN])
{
	size_t len = NETBIOS_LEN - 1;

	while (len && name[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < ' ')
			return 0;
	}
	return len && name[0] != '*' ? len : 0;
}

static int tell(struct message *m, const uint8_t name[NETBIOS_LEN], struct nbns_name *fact)
{
	char text[4 * NETBIOS_LEN + 1];
	size_t len = host_len(name);

	if (!len)
		return DISSECT_OK;
	if (m->told == FACTS_MAX)
		return DISSECT_BAD;
	m->told++;
	fact->len = (uint16_t)text_from_label(text, name, len);
	fact->text = text;
	fact->suffix = name[NETBIOS_LEN - 1];
	m->learn(m->ctx, fact);
	return DISSECT_OK;
}

/* The addresses of one name, each with its flags (4.2.2, 4.2.13). */
static int addresses_read(struct message *m, const struct record *r)
{
	struct nbns_name fact = { .kind = m->kind, .has_addr = true, .ttl_s = r->ttl_s };
	struct cursor c = r->rdata;
	uint8_t name[NETBIOS_LEN];
	uint16_t flags;
	int status = owner_read(r->owner, name);

	while (!status && cursor_left(&c)) {
		if (!cursor_be16(&c, &flags) || !cursor_addr(&c, 4, &fact.addr))
			return DISSECT_BAD;
		fact.is_group = flags & NBNS_GROUP;
		status = tell(m, name, &fact);
	}
	return status;
}

/* Every name of the sender (4.2.18), but for those that it gives up or has lost. */
static int node_status_read(struct message *m, const struct record *r)
{
	struct nbns_name fact = { .kind = NBNS_NODE_STATUS, .ttl_s = r->ttl_s };
	struct cursor c = r->rdata;
	int status = DISSECT_OK;
	uint8_t count;

	if (!cursor_u8(&c, &count))
		return DISSECT_BAD;
	for (; count && !status; count--) {
		const uint8_t *name = cursor_here(&c);
		uint16_t flags;

		if (!cursor_skip(&c, NETBIOS_LEN) || !cursor_be16(&c, &flags))
			return DISSECT_BAD;
		if (flags & (NBNS_DEREGISTER | NBNS_CONFLICT))
			continue;
		fact.is_group = flags & NBNS_GROUP;
		status = tell(m, name, &fact);
	}
	return status;
}

static int nbns_record_read(struct message *m, const struct record *r)
{
	if (r->class != NBNS_CLASS_IN)
		return DISSECT_OK;
	if (r->type == NBNS_NB)
		return addresses_read(m, r);
	if (r->type == NBNS_NBSTAT && m->is_response)
		return node_status_read(m, r);
	return DISSECT_OK;
}

/* Requests to register or to refresh, and answers to queries without an error; the rest teaches nothing. */
static bool kind_read(struct message *m, const uint8_t *msg)
{
	uint8_t opcode = msg[2] >> 3 & 0xf, rcode = msg[3] & 0xf;

	m->is_response = msg[2] & 0x80;
	m->kind = m->is_response ? NBNS_ANSWER : NBNS_REGISTRATION;
	if (m->is_response)
		return opcode == NBNS_QUERY && rcode == 0;
	return opcode == NBNS_REGISTER || opcode == NBNS_REFRESH || opcode == NBNS_REFRESH_ALT ||
	       opcode == NBNS_REGISTER_MULTI;
}

static int questions_skip(struct cursor *c, unsigned count)
{
	int status = DISSECT_OK;

	if (count > RECORDS_MAX)
		return DISSECT_BAD;
	for (; count && !status; count--) {
		status = name_skip(c);
		if (!status && !cursor_skip(c, 4))
			status = DISSECT_SHORT;
	}
	return status;
}

int nbns_names(const uint8_t *msg, size_t len, nbns_learn_fn *learn, void *ctx)
{
	struct message m = { .learn = learn, .ctx = ctx };
	struct cursor c = cursor_of(msg, len);
	struct record r;
	unsigned count;
	int status;

	if (!cursor_skip(&c, HEADER_LEN))
		return DISSECT_SHORT;
	if (!kind_read(&m, msg))
		return DISSECT_OTHER;
	status = questions_skip(&c, be16_load(msg + 4));
	/* Answers carry their records in the answer section, requests in the additional one (4.2.2). */
	count = be16_load(msg + 6) + be16_load(msg + 8) + be16_load(msg + 10);
	for (unsigned i = 0; i < count && !status; i++) {
		if (i == RECORDS_MAX)
			return DISSECT_BAD;
		status = record_read(&c, &r);
		if (!status)
			status = nbns_record_read(&m, &r);
	}
	return status == DISSECT_OK && !m.told ? DISSECT_OTHER : status;
}
