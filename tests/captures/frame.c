/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - frames layer by layer. */
#include "frame.h"
#include <string.h>

/* What the layer before writes down to announce a layer; 0 where there is no such number. */
struct announced { unsigned ethertype, ppp, ip_protocol; };

void frame_begin(struct frame *f)
{
	f->b.len = 0;
	f->layer_count = 0;
	f->ip_id = 0;
	f->ttl = 64;
}

static void announce(struct frame *f, struct announced number)
{
	const struct layer *before = f->layer_count ? &f->layers[f->layer_count - 1] : NULL;
	uint8_t *at = before ? f->b.octets + before->next_at : NULL;

	if (!before)
		return;
	if (before->names == NAMES_ETHERTYPE)
		put_16(at, number.ethertype);
	else if (before->names == NAMES_PPP)
		put_16(at, number.ppp);
	else if (before->names == NAMES_IP_PROTOCOL)
		*at = (uint8_t)number.ip_protocol;
}

/* A layer of `len` zero octets; its number for the next one is `next_in` octets into it. */
static uint8_t *add_layer(struct frame *f, enum layer_kind kind, struct announced number, size_t len,
			  enum layer_names names, size_t next_in)
{
	struct layer *layer;

	announce(f, number);
	if (f->layer_count == FRAME_LAYERS)
		die("more than %d layers", FRAME_LAYERS);
	layer = &f->layers[f->layer_count++];
	*layer = (struct layer){ .kind = kind, .names = names, .at = f->b.len, .next_at = f->b.len + next_in };
	return blob_add(&f->b, len);
}

size_t frame_at(const struct frame *f, enum layer_kind kind)
{
	for (size_t i = 0; i < f->layer_count; i++)
		if (f->layers[i].kind == kind)
			return f->layers[i].at;
	die("the frame has no such layer");
}

void ethernet(struct frame *f, const char *src_mac, const char *dst_mac)
{
	add_layer(f, LAYER_ETHERNET, (struct announced){ 0x6558, 0, 97 }, 0, NAMES_ETHERTYPE, 12);
	blob_mac(&f->b, dst_mac);
	blob_mac(&f->b, src_mac);
	blob_16(&f->b, 0);
}

void vlan(struct frame *f, unsigned ethertype, unsigned id)
{
	put_16(add_layer(f, LAYER_TAG, (struct announced){ ethertype, 0, 0 }, 4, NAMES_ETHERTYPE, 2), id);
}

void mpls(struct frame *f, uint32_t label, bool is_bottom)
{
	uint8_t *at = add_layer(f, LAYER_LINK, (struct announced){ 0x8847, 0x0281, 137 }, 4, NAMES_NOTHING, 0);

	put_32(at, label << 12 | (uint32_t)is_bottom << 8 | 64);
}

void pppoe(struct frame *f, unsigned session)
{
	uint8_t *at = add_layer(f, LAYER_PPPOE, (struct announced){ 0x8864, 0, 0 }, 8, NAMES_PPP, 6);

	at[0] = 0x11;
	put_16(at + 2, session);
}

void llc(struct frame *f, unsigned sap)
{
	uint8_t *at = add_layer(f, LAYER_LLC, (struct announced){ 0, 0, 0 }, 3, NAMES_NOTHING, 0);

	at[0] = at[1] = (uint8_t)sap;
	at[2] = 3;
}

void snap(struct frame *f, uint32_t oui)
{
	put_32(add_layer(f, LAYER_LINK, (struct announced){ 0, 0, 0 }, 5, NAMES_ETHERTYPE, 3), oui << 8);
}

void sll(struct frame *f, const char *src_mac)
{
	uint8_t *at = add_layer(f, LAYER_LINK, (struct announced){ 0, 0, 0 }, 16, NAMES_ETHERTYPE, 14);

	put_16(at, 4);                            /* PACKET_OUTGOING */
	put_16(at + 2, src_mac ? 1 : 65534);      /* ARPHRD_ETHER, ARPHRD_NONE */
	put_16(at + 4, src_mac ? 6 : 0);
	if (src_mac) {
		f->b.len -= 10;
		blob_mac(&f->b, src_mac);
		blob_add(&f->b, 4);
	}
}

void sll2(struct frame *f, const char *src_mac)
{
	uint8_t *at = add_layer(f, LAYER_LINK, (struct announced){ 0, 0, 0 }, 20, NAMES_ETHERTYPE, 0);

	put_32(at + 4, 2);                        /* interface index */
	put_16(at + 8, src_mac ? 1 : 65534);
	at[10] = 4;
	at[11] = src_mac ? 6 : 0;
	if (src_mac) {
		f->b.len -= 8;
		blob_mac(&f->b, src_mac);
		blob_add(&f->b, 2);
	}
}

void null_link(struct frame *f, uint32_t family, bool is_big_endian)
{
	uint8_t *at = add_layer(f, LAYER_LINK, (struct announced){ 0, 0, 0 }, 4, NAMES_NOTHING, 0);

	at[is_big_endian ? 3 : 0] = (uint8_t)family;
}

void ppp(struct frame *f, bool with_address)
{
	size_t number_at = with_address ? 2 : 0;
	uint8_t *at = add_layer(f, LAYER_LINK, (struct announced){ 0, 0, 0 }, number_at + 2, NAMES_PPP, number_at);

	if (with_address)
		put_16(at, 0xff03);
}

void cisco_hdlc(struct frame *f)
{
	*add_layer(f, LAYER_LINK, (struct announced){ 0, 0, 0 }, 4, NAMES_ETHERTYPE, 2) = 0x0f;
}

void arp(struct frame *f, const char *mac, const char *sender, const char *target)
{
	add_layer(f, LAYER_LINK, (struct announced){ 0x0806, 0, 0 }, 0, NAMES_NOTHING, 0);
	blob_octets(&f->b, "\0\1\x08\0\6\4\0\1", 8);
	blob_mac(&f->b, mac);
	blob_addr4(&f->b, sender);
	blob_add(&f->b, 6);
	blob_addr4(&f->b, target);
}

void ipv4_options(struct frame *f, const char *src, const char *dst, size_t option_len)
{
	uint8_t *at = add_layer(f, LAYER_IPV4, (struct announced){ 0x0800, 0x0021, 4 }, 12, NAMES_IP_PROTOCOL, 9);

	at[0] = (uint8_t)(0x40 | (20 + option_len) / 4);
	put_16(at + 4, f->ip_id);
	at[8] = (uint8_t)f->ttl;
	blob_addr4(&f->b, src);
	blob_addr4(&f->b, dst);
	blob_fill(&f->b, 1, option_len);
}

void ipv4(struct frame *f, const char *src, const char *dst)
{
	ipv4_options(f, src, dst, 0);
}

void ipv6(struct frame *f, const char *src, const char *dst)
{
	uint8_t *at = add_layer(f, LAYER_IPV6, (struct announced){ 0x86dd, 0x0057, 41 }, 8, NAMES_IP_PROTOCOL, 6);

	at[0] = 0x60;
	at[7] = (uint8_t)f->ttl;
	blob_addr6(&f->b, src);
	blob_addr6(&f->b, dst);
}

void ip(struct frame *f, const char *src, const char *dst)
{
	if (strchr(src, ':'))
		ipv6(f, src, dst);
	else
		ipv4(f, src, dst);
}

void extension(struct frame *f, unsigned type, size_t units)
{
	size_t len = (units + 1) * 8;
	uint8_t *at = add_layer(f, LAYER_EXTENSION, (struct announced){ 0, 0, type }, len, NAMES_IP_PROTOCOL, 0);

	at[1] = (uint8_t)units;
	if (type == 0 || type == 60) {            /* one PadN option over all of it, RFC 8200 4.2 */
		at[2] = 1;
		at[3] = (uint8_t)(len - 4);
	}
}

void fragment_header(struct frame *f, uint32_t id, unsigned offset, bool more)
{
	uint8_t *at = add_layer(f, LAYER_EXTENSION, (struct announced){ 0, 0, 44 }, 8, NAMES_IP_PROTOCOL, 0);

	put_16(at + 2, offset | more);
	put_32(at + 4, id);
}

void authentication(struct frame *f, size_t icv_len)
{
	uint8_t *at = add_layer(f, LAYER_EXTENSION, (struct announced){ 0, 0, 51 }, 12 + icv_len, NAMES_IP_PROTOCOL, 0);

	at[1] = (uint8_t)((12 + icv_len) / 4 - 2);
	put_32(at + 4, 0x1000);
	put_32(at + 8, 1);
}

void tcp(struct frame *f, unsigned src_port, unsigned dst_port, unsigned flags, uint32_t seq, uint32_t ack)
{
	uint8_t *at = add_layer(f, LAYER_TCP, (struct announced){ 0, 0, 6 }, 20, NAMES_NOTHING, 0);

	put_16(at, src_port);
	put_16(at + 2, dst_port);
	put_32(at + 4, seq);
	put_32(at + 8, ack);
	at[12] = 5 << 4;
	at[13] = (uint8_t)flags;
	put_16(at + 14, 64240);
}

void tcp_options(struct frame *f, const void *options, size_t len)
{
	f->b.octets[f->layers[f->layer_count - 1].at + 12] = (uint8_t)((5 + len / 4) << 4);
	blob_octets(&f->b, options, len);
}

void udp(struct frame *f, unsigned src_port, unsigned dst_port)
{
	uint8_t *at = add_layer(f, LAYER_UDP, (struct announced){ 0, 0, 17 }, 8, NAMES_NOTHING, 0);

	put_16(at, src_port);
	put_16(at + 2, dst_port);
}

static void icmp(struct frame *f, enum layer_kind kind, unsigned ip_protocol, unsigned type, unsigned code, uint32_t rest)
{
	uint8_t *at = add_layer(f, kind, (struct announced){ 0, 0, ip_protocol }, 8, NAMES_NOTHING, 0);

	at[0] = (uint8_t)type;
	at[1] = (uint8_t)code;
	put_32(at + 4, rest);
}

void icmp4(struct frame *f, unsigned type, unsigned code, uint32_t rest)
{
	icmp(f, LAYER_ICMP4, 1, type, code, rest);
}

void icmp6(struct frame *f, unsigned type, unsigned code, uint32_t rest)
{
	icmp(f, LAYER_ICMP6, 58, type, code, rest);
}

void other(struct frame *f, unsigned number)
{
	add_layer(f, LAYER_OTHER, (struct announced){ number, number, number }, 0, NAMES_NOTHING, 0);
}

void payload(struct frame *f, const void *octets, size_t len)
{
	blob_octets(&f->b, octets, len);
}

void payload_text(struct frame *f, const char *text)
{
	blob_text(&f->b, text);
}

void payload_fill(struct frame *f, uint8_t octet, size_t count)
{
	blob_fill(&f->b, octet, count);
}

/* The Internet checksum, RFC 1071, of `len` octets on top of `sum`. */
static uint32_t sum_up(uint32_t sum, const uint8_t *at, size_t len)
{
	for (; len > 1; at += 2, len -= 2)
		sum += get_16(at);
	return len ? sum + ((uint32_t)*at << 8) : sum;
}

static unsigned fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* The innermost IP header in front of layer `i`, or NULL. */
static const struct layer *ip_before(const struct frame *f, size_t i)
{
	while (i--)
		if (f->layers[i].kind == LAYER_IPV4 || f->layers[i].kind == LAYER_IPV6)
			return &f->layers[i];
	return NULL;
}

/* Pseudo header: addresses, length and protocol number; RFC 9293 3.1, RFC 8200 8.1. */
static uint32_t pseudo_sum(const struct frame *f, size_t i, unsigned protocol)
{
	const struct layer *ip_layer = ip_before(f, i);
	const uint8_t *at = f->b.octets + (ip_layer ? ip_layer->at : 0);
	uint32_t sum = protocol + (uint32_t)(f->b.len - f->layers[i].at);

	if (!ip_layer)
		return sum;
	return ip_layer->kind == LAYER_IPV4 ? sum_up(sum, at + 12, 8) : sum_up(sum, at + 8, 32);
}

static void put_checksum(struct frame *f, size_t i, size_t field, uint32_t sum)
{
	uint8_t *at = f->b.octets + f->layers[i].at;
	unsigned checksum;

	put_16(at + field, 0);
	checksum = fold(sum_up(sum, at, f->b.len - f->layers[i].at));
	put_16(at + field, checksum ? checksum : 0xffff);
}

static void finish_ipv4(uint8_t *at, size_t len)
{
	put_16(at + 2, (unsigned)len);
	put_16(at + 10, 0);
	put_16(at + 10, fold(sum_up(0, at, (at[0] & 15u) * 4)));
}

static void finish(struct frame *f, size_t i)
{
	const struct layer *layer = &f->layers[i];
	uint8_t *at = f->b.octets + layer->at;
	size_t len = f->b.len - layer->at;

	switch (layer->kind) {
	case LAYER_LLC:                           /* IEEE 802.3 3.2.6: a length in the place of the type */
		put_16(at - 2, (unsigned)len);
		break;
	case LAYER_PPPOE:                         /* the PPP number counts, RFC 2516 4 */
		put_16(at + 4, (unsigned)len - 6);
		break;
	case LAYER_IPV4:
		finish_ipv4(at, len);
		break;
	case LAYER_IPV6:
		put_16(at + 4, (unsigned)len - 40);
		break;
	case LAYER_UDP:
		put_16(at + 4, (unsigned)len);
		put_checksum(f, i, 6, pseudo_sum(f, i, 17));
		break;
	case LAYER_TCP:
		put_checksum(f, i, 16, pseudo_sum(f, i, 6));
		break;
	case LAYER_ICMP4:
		put_checksum(f, i, 2, 0);
		break;
	case LAYER_ICMP6:
		put_checksum(f, i, 2, pseudo_sum(f, i, 58));
		break;
	default:
		break;
	}
}

struct frame *frame_end(struct frame *f)
{
	announce(f, (struct announced){ 0, 0, 59 }); /* no next header, RFC 8200 4.7; overwritten by none */
	for (size_t i = f->layer_count; i--;)
		finish(f, i);
	return f;
}

void frame_pad(struct frame *f, size_t len)
{
	if (f->b.len < len)
		blob_add(&f->b, len - f->b.len);
}

void ipv4_part(struct frame *part, const struct frame *whole, size_t offset, size_t len, bool more)
{
	size_t at = frame_at(whole, LAYER_IPV4), header_len = (whole->b.octets[at] & 15u) * 4;

	frame_begin(part);
	blob_octets(&part->b, whole->b.octets, at + header_len);
	blob_octets(&part->b, whole->b.octets + at + header_len + offset, len);
	put_16(part->b.octets + at + 6, (unsigned)(offset / 8) | (more ? 0x2000 : 0));
	finish_ipv4(part->b.octets + at, header_len + len);
}
