/* SPDX-License-Identifier: Apache-2.0 */
/* dissect_dns.c - DNS, mDNS and LLMNR messages: which name was asked, and which addresses were told for it.
 *
 * Names are compared as 64-bit hashes of their octets in lower case, and owners that point to a name already hashed are
 * not even read: in an ordinary response only the question becomes text. The hash has no key. Who could make two names
 * collide within one message wrote both of them, and could as well have repeated the question.
 *
 * Bounds of one message: 256 records, 256 facts, 16 aliases, 4 KiB of expanded names. Past one of them the rest is left
 * unread and the message counts as DISSECT_BAD.
 */
#include <string.h>
#include "cursor.h"
#include "dissect.h"
#include "text.h"

#define MESSAGE_MAX 65535                         /* RFC 1035 4.2.2: the length field of TCP */
#define HEADER_LEN 12
#define RECORDS_MAX 256
#define FACTS_MAX 256
#define ALIASES_MAX 16
#define WORK_MAX 4096                             /* octets of names that are expanded, two for a pointer */

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_AAAA = 28, DNS_DNAME = 39, DNS_SVCB = 64, DNS_HTTPS = 65 };
enum { DNS_CLASS_IN = 1, DNS_CACHE_FLUSH = 0x8000 };
enum { SVCB_IPV4HINT = 4, SVCB_IPV6HINT = 6 };    /* RFC 9460 14.3.2 */

/* One message while it is read. */
struct message {
	struct cursor all;
	unsigned work;                            /* octets of names expanded so far */
	size_t question_at, known_at;             /* offsets of names whose hashes are known; 0: none */
	uint64_t question_hash, known_hash;
	dns_learn_fn *learn;
	void *ctx;
	unsigned told;                            /* facts given to `learn` */
};

static struct message message_of(const uint8_t *msg, size_t len, const struct dns_head *head, dns_learn_fn *learn,
				 void *ctx)
{
	return (struct message){
		.all = cursor_of(msg, len < MESSAGE_MAX ? len : MESSAGE_MAX),
		.question_at = head->question_count ? HEADER_LEN : 0,
		.question_hash = head->question_folded_hash,
		.learn = learn,
		.ctx = ctx,
	};
}

/* Names */

/* FNV-1a over lengths and octets, as on the wire without the root. */
#define HASH_START 0xcbf29ce484222325u

static inline uint64_t hash_octet(uint64_t hash, uint8_t octet)
{
	return (hash ^ octet) * 0x100000001b3u;
}

static uint64_t hash_label(uint64_t hash, const uint8_t *label, int len)
{
	hash = hash_octet(hash, (uint8_t)len);
	for (int i = 0; i < len; i++)
		hash = hash_octet(hash, text_fold(label[i]));
	return hash;
}

static uint64_t hash_label_as_sent(uint64_t hash, const uint8_t *label, int len)
{
	hash = hash_octet(hash, (uint8_t)len);
	for (int i = 0; i < len; i++)
		hash = hash_octet(hash, label[i]);
	return hash;
}

/* Write a label behind those that `text` has up to `end`. */
static char *text_label(const char *text, char *end, const uint8_t *label, int len)
{
	if (end != text)
		*end++ = '.';
	for (int i = 0; i < len; i++) {
		if (text_lower[label[i]])
			*end++ = (char)text_lower[label[i]];
		else
			end = text_escape(end, label[i]);
	}
	return end;
}

/* A name was read: charge it, and step over it. */
static int name_done(struct message *m, struct cursor *c, const struct labels *labels, int status)
{
	if (status < 0)
		return status;
	c->at = labels->after;
	m->work += labels->octets + 2 * labels->jumps;
	return m->work <= WORK_MAX ? DISSECT_OK : DISSECT_BAD;
}

/* A name that is nothing but a pointer: where it leads, else 0. */
static size_t pointer_target(const struct cursor *c)
{
	if (cursor_left(c) < 2 || *cursor_here(c) < 0xc0)
		return 0;
	return be16_load(cursor_here(c)) & 0x3fff;
}

static int name_hash_read(struct message *m, struct cursor *c, uint64_t *hash)
{
	struct labels labels = labels_of(c);
	const uint8_t *label;
	int len;

	*hash = HASH_START;
	while ((len = labels_next(&labels, &label)) > 0)
		*hash = hash_label(*hash, label, len);
	return name_done(m, c, &labels, len);
}

/* The hash of the name at the cursor, in lower case. */
static int name_hash(struct message *m, struct cursor *c, uint64_t *hash)
{
	size_t target = pointer_target(c), at = target ? target : c->at;
	int status;

	if (target && target < c->at && (target == m->question_at || target == m->known_at)) {
		*hash = target == m->question_at ? m->question_hash : m->known_hash;
		c->at += 2;
		return DISSECT_OK;
	}
	status = name_hash_read(m, c, hash);
	if (status)
		return status;
	m->known_at = at;
	m->known_hash = *hash;
	return DISSECT_OK;
}

/* The name at the cursor as text in lower case. */
static int name_text(struct message *m, struct cursor *c, char *text, uint16_t *text_len)
{
	struct labels labels = labels_of(c);
	const uint8_t *label;
	char *end = text;
	int len;

	while ((len = labels_next(&labels, &label)) > 0)
		end = text_label(text, end, label, len);
	*end = 0;
	*text_len = (uint16_t)(end - text);
	return name_done(m, c, &labels, len);
}

/* The header and the questions */

static int first_question(struct cursor *c, struct dns_head *head)
{
	struct labels labels = labels_of(c);
	uint64_t as_sent = HASH_START, folded = HASH_START;
	char *end = head->question;
	const uint8_t *label;
	int len;

	while ((len = labels_next(&labels, &label)) > 0) {
		as_sent = hash_label_as_sent(as_sent, label, len);
		folded = hash_label(folded, label, len);
		end = text_label(head->question, end, label, len);
	}
	if (len < 0) {
		head->question[0] = 0;
		return len;
	}
	*end = 0;
	head->question_len = (uint16_t)(end - head->question);
	head->question_hash = as_sent ? as_sent : 1;
	head->question_folded_hash = folded ? folded : 1;
	c->at = labels.after;
	return cursor_be16(c, &head->question_type) && cursor_be16(c, &head->question_class) ? DISSECT_OK : DISSECT_SHORT;
}

static int other_question(struct cursor *c)
{
	int status = name_skip(c);

	if (status)
		return status;
	return cursor_skip(c, 4) ? DISSECT_OK : DISSECT_SHORT;
}

static void head_clear(struct dns_head *head)
{
	head->id = 0;
	head->is_response = head->is_truncated = false;
	head->opcode = head->rcode = 0;
	head->question_count = head->answer_count = head->authority_count = head->additional_count = 0;
	head->question_type = head->question_class = head->question_len = 0;
	head->question_hash = head->question_folded_hash = 0;
	head->question[0] = 0;                    /* the rest of it is not touched: it is a kilobyte */
	head->answers_at = 0;
}

int dns_head(const uint8_t *msg, size_t len, struct dns_head *head)
{
	struct cursor c = cursor_of(msg, len < MESSAGE_MAX ? len : MESSAGE_MAX);
	int status = DISSECT_OK;

	head_clear(head);
	if (!cursor_skip(&c, HEADER_LEN))
		return DISSECT_SHORT;
	head->id = be16_load(msg);
	head->is_response = msg[2] & 0x80;
	head->opcode = msg[2] >> 3 & 0xf;
	head->is_truncated = msg[2] & 0x02;
	head->rcode = msg[3] & 0xf;
	head->question_count = be16_load(msg + 4);
	head->answer_count = be16_load(msg + 6);
	head->authority_count = be16_load(msg + 8);
	head->additional_count = be16_load(msg + 10);
	for (unsigned i = 0; i < head->question_count && !status; i++) {
		if (i == RECORDS_MAX)
			return DISSECT_BAD;
		status = i ? other_question(&c) : first_question(&c, head);
	}
	head->answers_at = c.at;
	return status;
}

/* Records */

/* Records of one message, one after the other. */
struct records {
	struct cursor c;
	unsigned left, index;                     /* counted from the first answer */
};

static struct records records_of(const struct message *m, const struct dns_head *head, unsigned count)
{
	struct records records = { .c = m->all, .left = count };

	records.c.at = head->answers_at <= m->all.end ? head->answers_at : m->all.end;
	return records;
}

/* RFC 1035 3.4.1, RFC 3596 2.2: a type that always has the same length. */
static bool has_right_length(const struct record *r)
{
	size_t len = cursor_left(&r->rdata);

	if ((r->class & ~DNS_CACHE_FLUSH) != DNS_CLASS_IN)
		return true;
	return r->type == DNS_A ? len == 4 : r->type == DNS_AAAA ? len == 16 : true;
}

/* 1: *r is the next record; 0: there is none; or an enum dissect_status. */
static int records_next(struct records *records, struct record *r)
{
	int status;

	if (!records->left)
		return 0;
	if (records->index == RECORDS_MAX)
		return DISSECT_BAD;
	records->left--;
	records->index++;
	status = record_read(&records->c, r);
	if (status)
		return status;
	if (r->ttl_s > INT32_MAX)                 /* RFC 2181 8: such a TTL counts as zero */
		r->ttl_s = 0;
	return has_right_length(r) ? 1 : DISSECT_BAD;
}

/* Inside rdata nothing more can arrive: what ends early there is wrong. */
static int inside(int status)
{
	return status == DISSECT_SHORT ? DISSECT_BAD : status;
}

/* Facts */

static int tell(struct message *m, struct dns_name *name)
{
	if (!name->len)
		return DISSECT_OK;                /* the root is no host */
	if (m->told == FACTS_MAX)
		return DISSECT_BAD;
	m->told++;
	m->learn(m->ctx, name);
	return DISSECT_OK;
}

static int tell_address(struct message *m, struct dns_name *name, const struct record *r)
{
	struct cursor rdata = r->rdata;

	name->fact = DNS_FACT_ADDRESS;
	name->ttl_s = r->ttl_s;
	cursor_addr(&rdata, cursor_left(&rdata), &name->addr);
	return tell(m, name);
}

/* The SvcParams of one SVCB or HTTPS record (RFC 9460 2.2): `name` is what was asked, whatever the TargetName is. */
static int tell_hints(struct message *m, struct dns_name *name, const struct record *r)
{
	struct cursor c = r->rdata, value;
	uint16_t priority, key, len;
	int last_key = -1, status;

	name->fact = DNS_FACT_HINT;
	name->ttl_s = r->ttl_s;
	if (!cursor_be16(&c, &priority) || name_skip(&c))
		return DISSECT_BAD;
	if (!priority)
		return DISSECT_OK;                /* AliasMode: parameters are ignored, RFC 9460 2.4.2 */
	while (cursor_left(&c)) {
		size_t width;

		if (!cursor_be16(&c, &key) || !cursor_be16(&c, &len) || !cursor_take(&c, len, &value) || key <= last_key)
			return DISSECT_BAD;
		last_key = key;
		if (key != SVCB_IPV4HINT && key != SVCB_IPV6HINT)
			continue;
		width = key == SVCB_IPV4HINT ? 4 : 16;
		if (!len || len % width)          /* RFC 9460 7.3 */
			return DISSECT_BAD;
		while (cursor_addr(&value, width, &name->addr)) {
			status = tell(m, name);
			if (status)
				return status;
		}
	}
	return DISSECT_OK;
}

/* The target of a PTR record is the name of the address that `owner` stands for. */
static int tell_pointer(struct message *m, const char *owner, size_t owner_len, const struct record *r, bool cache_flush)
{
	char text[NAME_TEXT_MAX + 1];
	struct cursor c = r->rdata;
	struct dns_name name = { .text = text, .ttl_s = r->ttl_s, .fact = DNS_FACT_PTR, .cache_flush = cache_flush };
	int status;

	if (!text_to_reverse_addr(owner, owner_len, &name.addr))
		return DISSECT_OK;
	status = inside(name_text(m, &c, text, &name.len));
	if (!status && cursor_left(&c))
		status = DISSECT_BAD;
	return status ? status : tell(m, &name);
}

/* Aliases: which names the question leads to */

/* CNAME (RFC 1035 3.3.1), DNAME (RFC 6672), or an SVCB or HTTPS record in AliasMode (RFC 9460 2.4.2). */
struct alias {
	uint64_t owner, target;                   /* hashes */
	struct cursor owner_at, target_at;
	bool is_dname;
};

/* A name in wire form and lower case, without its root. */
struct wire_name {
	uint8_t len, octets[WIRE_NAME_MAX - 1];
};

/* The names that stand for the question, it first. */
struct chain {
	unsigned count;
	uint64_t hashes[1 + ALIASES_MAX];
	struct wire_name *names;                  /* the same names; NULL when no DNAME asks for them */
};

static bool is_alias(const struct record *r)
{
	if (r->class != DNS_CLASS_IN)
		return false;
	if (r->type == DNS_SVCB || r->type == DNS_HTTPS)
		return cursor_left(&r->rdata) >= 3 && !be16_load(cursor_here(&r->rdata)) && cursor_here(&r->rdata)[2];
	return r->type == DNS_CNAME || r->type == DNS_DNAME;
}

static int alias_read(struct message *m, const struct record *r, struct alias *alias)
{
	struct cursor c;
	int status;

	*alias = (struct alias){ .owner_at = r->owner, .target_at = r->rdata, .is_dname = r->type == DNS_DNAME };
	if (r->type == DNS_SVCB || r->type == DNS_HTTPS)
		cursor_skip(&alias->target_at, 2);
	c = alias->owner_at;
	status = name_hash(m, &c, &alias->owner);
	if (status)
		return status;
	c = alias->target_at;
	status = inside(name_hash(m, &c, &alias->target));
	if (!status && c.at != r->rdata.end && (r->type == DNS_CNAME || r->type == DNS_DNAME))
		return DISSECT_BAD;
	return status;
}

/* The first ALIASES_MAX aliases of the answer section: *count. A record that cannot be read only ends the list, because
 * the walk over the addresses meets it again; an alias that is wrong ends that walk too: `answers` then stops before it. */
static int aliases_read(struct message *m, struct records *answers, struct alias aliases[ALIASES_MAX], unsigned *count)
{
	struct records walk = *answers;
	struct record r;
	int status;

	for (*count = 0; *count < ALIASES_MAX && records_next(&walk, &r) > 0;) {
		if (!is_alias(&r))
			continue;
		status = alias_read(m, &r, &aliases[*count]);
		if (status) {
			answers->left = walk.index - 1;
			return status;
		}
		(*count)++;
	}
	return DISSECT_OK;
}

static bool chain_has(const struct chain *chain, uint64_t hash)
{
	for (unsigned i = 0; i < chain->count; i++) {
		if (chain->hashes[i] == hash)
			return true;
	}
	return false;
}

static bool wire_read(struct message *m, struct cursor c, struct wire_name *name)
{
	struct labels labels = labels_of(&c);
	const uint8_t *label;
	int len;

	name->len = 0;
	while ((len = labels_next(&labels, &label)) > 0) {
		name->octets[name->len++] = (uint8_t)len;
		for (int i = 0; i < len; i++)
			name->octets[name->len++] = text_fold(label[i]);
	}
	return !name_done(m, &c, &labels, len);
}

static uint64_t wire_hash(const struct wire_name *name)
{
	uint64_t hash = HASH_START;

	for (unsigned i = 0; i < name->len; i++)
		hash = hash_octet(hash, name->octets[i]);
	return hash;
}

/* Where `name` begins to be `parent`; 0 when it is not below it. */
static unsigned labels_above(const struct wire_name *name, const struct wire_name *parent)
{
	unsigned at = 0, above = name->len > parent->len ? name->len - parent->len : 0;

	while (at < above)
		at += 1u + name->octets[at];
	return at == above && !memcmp(name->octets + above, parent->octets, parent->len) ? above : 0;
}

/* RFC 6672 2.2: a name below the owner is asked for below the target instead. False when `from` is not below it. */
static bool redirect(const struct wire_name *from, const struct wire_name *owner, const struct wire_name *target,
		     struct wire_name *to)
{
	unsigned above = labels_above(from, owner);

	if (!above || above + target->len > sizeof(to->octets))
		return false;
	memcpy(to->octets, from->octets, above);
	memcpy(to->octets + above, target->octets, target->len);
	to->len = (uint8_t)(above + target->len);
	return true;
}

static bool follow_dname(struct message *m, struct chain *chain, const struct alias *alias)
{
	struct wire_name owner, target, *made = &chain->names[chain->count];

	if (!wire_read(m, alias->owner_at, &owner) || !wire_read(m, alias->target_at, &target))
		return false;
	for (unsigned i = 0; i < chain->count; i++) {
		uint64_t hash;

		if (!redirect(&chain->names[i], &owner, &target, made))
			continue;
		hash = wire_hash(made);
		if (chain_has(chain, hash))
			continue;
		chain->hashes[chain->count++] = hash;
		return true;
	}
	return false;
}

/* Does the chain grow by this alias? */
static bool follow_alias(struct message *m, struct chain *chain, const struct alias *alias)
{
	if (alias->is_dname)
		return follow_dname(m, chain, alias);
	if (!chain_has(chain, alias->owner) || chain_has(chain, alias->target))
		return false;
	if (chain->names && !wire_read(m, alias->target_at, &chain->names[chain->count]))
		return false;
	chain->hashes[chain->count++] = alias->target;
	return true;
}

/* In rounds, because aliases come in any order, until a round finds nothing new or the chain is full. */
static void follow_aliases(struct message *m, struct chain *chain, const struct alias aliases[], unsigned count)
{
	bool grew = count > 0;

	while (grew) {
		grew = false;
		for (unsigned i = 0; i < count && chain->count <= ALIASES_MAX; i++)
			grew |= follow_alias(m, chain, &aliases[i]);
	}
}

/* Apart, because ordinary answers have no DNAME and four kilobytes of stack are not free. */
static __attribute__((noinline)) void follow_with_dnames(struct message *m, struct chain *chain,
							 const struct alias aliases[], unsigned count)
{
	struct wire_name names[1 + ALIASES_MAX];
	struct cursor question = m->all;

	question.at = HEADER_LEN;
	chain->names = names;
	if (wire_read(m, question, &names[0]))
		follow_aliases(m, chain, aliases, count);
	chain->names = NULL;
}

static int chain_read(struct message *m, struct records *answers, struct chain *chain)
{
	struct alias aliases[ALIASES_MAX];
	unsigned count;
	int status = aliases_read(m, answers, aliases, &count);
	bool has_dname = false;

	chain->count = 1;
	chain->hashes[0] = m->question_hash;
	chain->names = NULL;
	for (unsigned i = 0; i < count; i++)
		has_dname |= aliases[i].is_dname;
	if (has_dname)
		follow_with_dnames(m, chain, aliases, count);
	else
		follow_aliases(m, chain, aliases, count);
	return status;
}

/* Whole messages */

static bool tells_addresses(const struct record *r)
{
	return r->type == DNS_A || r->type == DNS_AAAA || r->type == DNS_PTR || r->type == DNS_SVCB ||
	       r->type == DNS_HTTPS;
}

static int answer_read(struct message *m, const struct dns_head *head, const struct chain *chain, const struct record *r)
{
	struct dns_name name = { .text = head->question, .len = head->question_len };
	struct cursor owner = r->owner;
	uint64_t hash;
	int status;

	if (r->class != DNS_CLASS_IN || !tells_addresses(r))
		return DISSECT_OK;
	status = name_hash(m, &owner, &hash);
	if (status)
		return status;
	if (!chain_has(chain, hash))
		return DISSECT_OK;
	if (r->type == DNS_PTR)                   /* RFC 2317: the question's address, also behind a CNAME */
		return tell_pointer(m, head->question, head->question_len, r, false);
	if (r->type == DNS_SVCB || r->type == DNS_HTTPS)
		return tell_hints(m, &name, r);
	return tell_address(m, &name, r);
}

static int verdict(const struct message *m, int status)
{
	return status == DISSECT_OK && !m->told ? DISSECT_OTHER : status;
}

/* A standard query's response without an error; others teach nothing. */
static bool is_answer(const struct dns_head *head)
{
	return head->is_response && head->opcode == 0 && head->rcode == 0;
}

int dns_answers(const uint8_t *msg, size_t len, const struct dns_head *head, dns_learn_fn *learn, void *ctx)
{
	struct message m = message_of(msg, len, head, learn, ctx);
	struct records records = records_of(&m, head, head->answer_count);
	struct chain chain;
	struct record r;
	int status, fault;

	if (head->question_count > 1)             /* RFC 9619 4 */
		return DISSECT_BAD;
	if (!is_answer(head) || head->question_class != DNS_CLASS_IN) /* without a question the class is 0 */
		return DISSECT_OTHER;
	fault = chain_read(&m, &records, &chain);
	while ((status = records_next(&records, &r)) > 0) {
		status = answer_read(&m, head, &chain, &r);
		if (status)
			return status;
	}
	return verdict(&m, fault ? fault : status);
}

/* A record that tells about its owner. `text` is room for it. */
static int owner_read(struct message *m, const struct record *r, char *text, bool cache_flush)
{
	struct dns_name name = { .text = text, .cache_flush = cache_flush };
	struct cursor owner = r->owner;
	int status;

	if (r->type != DNS_A && r->type != DNS_AAAA && r->type != DNS_PTR)
		return DISSECT_OK;
	status = name_text(m, &owner, text, &name.len);
	if (status)
		return status;
	return r->type == DNS_PTR ? tell_pointer(m, text, name.len, r, cache_flush) : tell_address(m, &name, r);
}

int mdns_answers(const uint8_t *msg, size_t len, const struct dns_head *head, dns_learn_fn *learn, void *ctx)
{
	struct message m = message_of(msg, len, head, learn, ctx);
	unsigned before = head->answer_count, behind = before + head->authority_count;
	struct records records = records_of(&m, head, behind + head->additional_count);
	char text[NAME_TEXT_MAX + 1];
	struct record r;
	int status;

	if (!is_answer(head))                     /* RFC 6762 18.3, 18.11 */
		return DISSECT_OTHER;
	while ((status = records_next(&records, &r)) > 0) {
		bool is_authority = records.index > before && records.index <= behind;

		if (is_authority || (r.class & ~DNS_CACHE_FLUSH) != DNS_CLASS_IN)
			continue;
		status = owner_read(&m, &r, text, r.class & DNS_CACHE_FLUSH);
		if (status)
			return status;
	}
	return verdict(&m, status);
}

int llmnr_answers(const uint8_t *msg, size_t len, const struct dns_head *head, dns_learn_fn *learn, void *ctx)
{
	struct message m = message_of(msg, len, head, learn, ctx);
	struct records records = records_of(&m, head, head->answer_count);
	char text[NAME_TEXT_MAX + 1];
	struct record r;
	int status;

	if (!is_answer(head))
		return DISSECT_OTHER;
	while ((status = records_next(&records, &r)) > 0) {
		if (r.class != DNS_CLASS_IN || r.type == DNS_PTR)
			continue;
		status = owner_read(&m, &r, text, false);
		if (status)
			return status;
	}
	return verdict(&m, status);
}
