/* SPDX-License-Identifier: Apache-2.0 */
/* names_dns.c - what DNS and LLMNR answers teach, once their question was seen. */
#include "names_impl.h"

#define DNS_WINDOW (2 + 65535)                    /* one message with its length, RFC 1035 4.2.2 */
#define DNS_HEADER 12
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4 };   /* RFC 9293 3.1 */

static struct request_path path_of(const struct name_message *m, bool is_answer, bool has_server)
{
	struct request_path path = { .protocol = m->protocol };

	path.client = is_answer ? m->receiver.addr : m->sender.addr;
	path.client_port = is_answer ? m->receiver_port : m->sender_port;
	if (has_server)
		path.server = is_answer ? m->sender.addr : m->receiver.addr;
	return path;
}

static void ask(struct names *n, const struct name_message *m, const struct dns_head *head, bool has_server)
{
	struct request_path path = path_of(m, false, has_server);

	if (head->opcode || !head->question_count)
		return;
	if (m->sender.has_mac)
		cache_saw(&n->cache, &m->sender.addr, m->sender.mac, m->now_ns);
	if (requests_ask(&n->requests, &path, head, m->now_ns))
		cache_asked(&n->cache, &m->sender.addr, m->now_ns);
}

/* No question: it was sent before the capture began or elsewhere, or the answer is a lie. Which of both it is for a
 * client whose questions are never seen cannot be told, so that is counted apart. */
static bool is_believed_unasked(struct names *n, const struct name_message *m)
{
	n->counters[NAMES_UNMATCHED]++;
	n->counters[NAMES_ONE_SIDED] += !cache_ever_asked(&n->cache, &m->receiver.addr);
	return n->options.learn_unmatched && cache_may_name(&m->receiver.addr);
}

static bool is_believed(struct names *n, const struct name_message *m, const struct dns_head *head, bool has_server)
{
	struct request_path path = path_of(m, true, has_server);

	switch (requests_answer(&n->requests, &path, head, m->now_ns)) {
	case REQUEST_OPEN:
		cache_answered(&n->cache, &m->receiver.addr);
		return true;
	case REQUEST_ANSWERED:
		n->counters[NAMES_CONFLICT]++;
		return false;
	default:
		return is_believed_unasked(n, m);
	}
}

struct dns_lesson {
	struct names *names;
	const struct name_message *message;
};

static void learn_dns(void *ctx, const struct dns_name *name)
{
	static const enum name_source sources[] = {
		[DNS_FACT_ADDRESS] = NAME_DNS, [DNS_FACT_HINT] = NAME_DNS_HINT, [DNS_FACT_PTR] = NAME_PTR,
	};
	const struct dns_lesson *dns = ctx;
	struct lesson lesson = {
		.client = &dns->message->receiver.addr, .addr = &name->addr, .text = name->text, .len = name->len,
		.source = sources[name->fact], .ttl_s = name->ttl_s, .now_ns = dns->message->now_ns,
	};

	names_learn(dns->names, &lesson);
}

/* RFC 4795 2.5: a host answers for itself; an answer that names another one is not believed. */
static void learn_llmnr(void *ctx, const struct dns_name *name)
{
	const struct dns_lesson *dns = ctx;
	const struct name_peer *sender = &dns->message->sender;
	struct lesson lesson = {
		.addr = &name->addr, .mac = sender->has_mac ? sender->mac : NULL, .text = name->text, .len = name->len,
		.source = NAME_LLMNR, .is_answer = true, .ttl_s = name->ttl_s, .now_ns = dns->message->now_ns,
	};

	if (name->fact != DNS_FACT_ADDRESS)
		return;
	if (!addr_is_same(&name->addr, &sender->addr))
		dns->names->counters[NAMES_NOT_OWN]++;
	else
		names_learn(dns->names, &lesson);
}

/* An answer of an open question: also one without addresses ends it. */
static bool is_good_answer(struct names *n, const struct name_message *m, const struct dns_head *head, bool has_server)
{
	return is_believed(n, m, head, has_server) && !head->opcode && !head->rcode;
}

/* The head of a message; false: there is none. */
static bool head_of(struct names *n, const struct name_message *m, struct dns_head *head)
{
	int status = dns_head(m->octets, m->len, head);

	names_count_status(n, m, status);
	return status == DISSECT_OK;
}

void names_dns(struct names *n, const struct name_message *m)
{
	struct dns_lesson lesson = { .names = n, .message = m };
	struct dns_head head;

	if (!head_of(n, m, &head))
		return;
	if (!head.is_response) {
		if (m->receiver_port == 53)
			ask(n, m, &head, true);
		return;
	}
	if (m->sender_port == 53 && is_good_answer(n, m, &head, true))
		names_count_status(n, m, dns_answers(m->octets, m->len, &head, learn_dns, &lesson));
}

void names_llmnr(struct names *n, const struct name_message *m)
{
	struct dns_lesson lesson = { .names = n, .message = m };
	struct dns_head head;

	if (!head_of(n, m, &head))
		return;
	if (!head.is_response) {
		if (m->receiver_port == 5355)
			ask(n, m, &head, false);
		return;
	}
	if (m->sender_port == 5355 && is_good_answer(n, m, &head, false))
		names_count_status(n, m, llmnr_answers(m->octets, m->len, &head, learn_llmnr, &lesson));
}

/* ---- DNS over TCP ---- */

static uint16_t length_at(const uint8_t *octets)
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}

/* Read each whole message of `octets`: how many octets that were, or -1 when this cannot be DNS. */
static int32_t read_messages(struct names *n, const struct name_message *segment, const uint8_t *octets, size_t len)
{
	struct name_message m = *segment;
	size_t at = 0;

	m.is_cut = false;
	while (len - at >= 2) {
		m.len = length_at(octets + at);
		if (m.len < DNS_HEADER)
			return -1;
		if (m.len > len - at - 2)
			break;
		m.octets = octets + at + 2;
		names_dns(n, &m);
		at += 2 + m.len;
	}
	return (int32_t)at;
}

/* Nothing is kept and the segment continues the stream: its messages are read where they are. */
static bool read_in_place(struct names *n, const struct name_message *segment, struct stream *s, uint32_t seq)
{
	int32_t used = read_messages(n, segment, segment->octets, segment->len);

	if (used < 0)
		return false;
	s->base_seq = seq + (uint32_t)used;
	return stream_put(&n->dns_streams, s, s->base_seq, segment->octets + used, segment->len - (size_t)used,
			  DNS_WINDOW);
}

static bool read_kept(struct names *n, const struct name_message *segment, struct stream *s, uint32_t seq)
{
	int32_t used;

	if (!stream_put(&n->dns_streams, s, seq, segment->octets, segment->len, DNS_WINDOW))
		return false;
	used = read_messages(n, segment, s->data, stream_ready(s));
	if (used < 0)
		return false;
	stream_consume(s, (size_t)used);
	return true;
}

static uint64_t dns_stream_id(const struct names *n, const struct name_message *m)
{
	struct {
		struct in6_addr from, to;
		uint16_t ports[4];
	} key = { m->sender.addr, m->receiver.addr, { m->sender_port, m->receiver_port, 0, 0 } };

	return stream_id_of(&n->dns_streams, &key, sizeof(key));
}

/* A stream begins with its SYN, or where the capture first sees it, hopefully between two messages: what is none then
 * has no question, or a length that no message has. */
void names_dns_segment(struct names *n, const struct name_message *m, uint32_t seq, uint8_t tcp_flags)
{
	uint64_t id = dns_stream_id(n, m);
	struct stream *s = stream_find(&n->dns_streams, id);
	bool is_read;

	if (tcp_flags & (TCP_SYN | TCP_RST)) {
		stream_close(&n->dns_streams, s);
		s = NULL;
	}
	if (tcp_flags & TCP_SYN)
		s = stream_open(&n->dns_streams, id, ++seq);
	if (!m->len || tcp_flags & TCP_RST)
		return;
	if (!s)
		s = stream_open(&n->dns_streams, id, seq);
	if (!s || s->is_dead)
		return;
	is_read = !s->range_count && seq == s->base_seq ? read_in_place(n, m, s, seq) : read_kept(n, m, s, seq);
	if (!is_read)
		stream_kill(&n->dns_streams, s);
	else if (tcp_flags & TCP_FIN && !s->range_count)
		stream_close(&n->dns_streams, s);
}
