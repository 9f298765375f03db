/* SPDX-License-Identifier: Apache-2.0 */
/* dns.c - DNS, mDNS and LLMNR messages. */
#include "messages.h"
#include <ctype.h>
#include <string.h>

#define KNOWN_NAMES 64

/* A message in the making: where it starts, and the names that a pointer may lead to. */
struct writer {
	struct blob *b;
	size_t start;
	struct { const char *text; size_t offset; } known[KNOWN_NAMES];
	size_t known_count;
};

/* `\DDD`, `\c` or one octet; advances the text. */
static unsigned octet(const char **text)
{
	const char *t = *text;

	if (*t != '\\') {
		*text = t + 1;
		return (unsigned char)*t;
	}
	if (!isdigit((unsigned char)t[1])) {
		*text = t + 2;
		return (unsigned char)t[1];
	}
	*text = t + 4;
	return (unsigned)((t[1] - '0') * 100 + (t[2] - '0') * 10 + (t[3] - '0'));
}

static const char *add_label(struct blob *b, const char *text)
{
	size_t mark = blob_open_8(b);

	while (*text && *text != '.')
		blob_8(b, octet(&text));
	blob_close_8(b, mark);
	return *text ? text + 1 : text;
}

static bool add_pointer(struct writer *w, const char *name)
{
	for (size_t i = 0; i < w->known_count; i++) {
		if (strcmp(w->known[i].text, name))
			continue;
		blob_16(w->b, 0xc000 | (unsigned)w->known[i].offset);
		return true;
	}
	return false;
}

static void remember(struct writer *w, const char *name)
{
	size_t offset = w->b->len - w->start;

	if (w->known_count == KNOWN_NAMES || offset > 0x3fff)
		return;
	w->known[w->known_count].text = name;
	w->known[w->known_count++].offset = offset;
}

static void add_name(struct writer *w, const char *name)
{
	if (!strcmp(name, "."))
		name = "";
	while (*name) {
		if (add_pointer(w, name))
			return;
		remember(w, name);
		name = add_label(w->b, name);
	}
	blob_8(w->b, 0);
}

/* The hints of one address family out of a list by comma: SvcParam 4 or 6, RFC 9460 7.3. */
static void add_hints(struct blob *b, const char *list, unsigned key)
{
	size_t mark;

	blob_16(b, key);
	mark = blob_open_16(b);
	while (*list) {
		char addr[64];
		size_t len = strcspn(list, ",");

		memcpy(addr, list, len);
		addr[len] = 0;
		if (key == 6 && strchr(addr, ':'))
			blob_addr6(b, addr);
		else if (key == 4 && !strchr(addr, ':'))
			blob_addr4(b, addr);
		list += len + (list[len] == ',');
	}
	blob_close_16(b, mark);
}

/* SvcPriority 1, target ".", alpn h2: RFC 9460 2.2. */
static void add_https(struct blob *b, const char *hints)
{
	blob_16(b, 1);
	blob_8(b, 0);
	blob_octets(b, "\0\1\0\3\2h2", 7);
	if (strchr(hints, '.'))
		add_hints(b, hints, 4);
	if (strchr(hints, ':'))
		add_hints(b, hints, 6);
}

static void add_value(struct writer *w, const struct dns_record *r)
{
	switch (r->type) {
	case DNS_A:
		blob_addr4(w->b, r->value);
		break;
	case DNS_AAAA:
		blob_addr6(w->b, r->value);
		break;
	case DNS_TXT:
		blob_8(w->b, (unsigned)strlen(r->value));
		blob_text(w->b, r->value);
		break;
	case DNS_SRV:                             /* priority, weight, port, target: RFC 2782 */
		blob_octets(w->b, "\0\0\0\0\x02\x77", 6);
		add_name(w, r->value);
		break;
	case DNS_HTTPS:
		add_https(w->b, r->value);
		break;
	case DNS_OPT:
		break;
	default:
		add_name(w, r->value);
	}
}

static unsigned add_records(struct writer *w, const struct dns_record *records, size_t max)
{
	unsigned count = 0;

	for (; count < max && records[count].owner; count++) {
		const struct dns_record *r = &records[count];
		size_t mark;

		add_name(w, r->owner);
		blob_16(w->b, r->type);
		blob_16(w->b, r->class ? r->class : DNS_IN);
		blob_32(w->b, r->ttl);
		mark = blob_open_16(w->b);
		add_value(w, r);
		blob_close_16(w->b, mark);
	}
	return count;
}

void dns(struct blob *b, const struct dns_message *message)
{
	struct writer w = { .b = b, .start = b->len };
	uint8_t *head = blob_add(b, 12);

	put_16(head, message->id);
	put_16(head + 2, message->flags);
	put_16(head + 4, message->question ? 1 : 0);
	if (message->question) {
		add_name(&w, message->question);
		blob_16(b, message->type);
		blob_16(b, message->class ? message->class : DNS_IN);
	}
	put_16(head + 6, add_records(&w, message->answers, DNS_RECORDS));
	put_16(head + 8, add_records(&w, message->authority, 2));
	put_16(head + 10, add_records(&w, message->additional, DNS_RECORDS));
}

void dns_question(struct blob *b, unsigned id, const char *name, enum dns_type type)
{
	dns(b, &(struct dns_message){ .id = id, .flags = DNS_RECURSE, .question = name, .type = type });
}

void dns_over_tcp(struct blob *b, const struct dns_message *message)
{
	size_t mark = blob_open_16(b);

	dns(b, message);
	blob_close_16(b, mark);
}
