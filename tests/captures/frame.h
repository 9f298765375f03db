/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - one frame, built as it is drawn on a whiteboard: the outermost layer first, then what it carries.
 *
 *	frame_begin(&f);
 *	ethernet(&f, "02:00:00:00:00:01", "02:00:00:00:00:02");
 *	vlan(&f, 0x8100, 100);
 *	ipv4(&f, "192.0.2.1", "198.51.100.2");
 *	udp(&f, 5000, 53);
 *	payload(&f, message.octets, message.len);
 *	capture_frame(capture, ns, frame_end(&f));
 *
 * Each layer tells the one before it what it is (EtherType, protocol number, next header); frame_end() fills in
 * lengths and checksums, innermost first. For a frame that lies, patch the octets at frame_at() after frame_end().
 */
#ifndef DEVOURER_TESTS_FRAME_H
#define DEVOURER_TESTS_FRAME_H
#include <stdbool.h>
#include "blob.h"

enum layer_kind {
	LAYER_LINK,                               /* nothing to finish: NULL, PPP, HDLC, SLL, tags, labels, SNAP, ARP */
	LAYER_ETHERNET, LAYER_TAG, LAYER_LLC, LAYER_PPPOE,
	LAYER_IPV4, LAYER_IPV6, LAYER_EXTENSION,
	LAYER_TCP, LAYER_UDP, LAYER_ICMP4, LAYER_ICMP6, LAYER_OTHER,
};

/* How a layer names the one behind it: the width and the registry of the number. */
enum layer_names { NAMES_NOTHING, NAMES_ETHERTYPE, NAMES_PPP, NAMES_IP_PROTOCOL };

struct layer {
	enum layer_kind kind;
	enum layer_names names;
	size_t at, next_at;                       /* offsets in the frame: of the layer, of its number for the next one */
};

#define FRAME_LAYERS 32

struct frame {
	struct blob b;
	struct layer layers[FRAME_LAYERS];
	size_t layer_count;
	unsigned ip_id, ttl;                      /* of the IP headers to come; frame_begin() sets 0 and 64 */
};

void frame_begin(struct frame *f);
struct frame *frame_end(struct frame *f);         /* lengths and checksums; `f` again */
void frame_pad(struct frame *f, size_t len);      /* after frame_end(): zero octets up to `len` (IEEE 802.3 3.2.8) */
size_t frame_at(const struct frame *f, enum layer_kind kind); /* offset of the first layer of this kind */

/* Link layers. */
void ethernet(struct frame *f, const char *src_mac, const char *dst_mac);
void vlan(struct frame *f, unsigned ethertype, unsigned id);
void mpls(struct frame *f, uint32_t label, bool is_bottom);
void pppoe(struct frame *f, unsigned session);    /* session data, the PPP number included, RFC 2516 4 */
void llc(struct frame *f, unsigned sap);          /* unnumbered information; Ethernet then has a length, no type */
void snap(struct frame *f, uint32_t oui);
void sll(struct frame *f, const char *src_mac);   /* LINUX_SLL, sent by us; NULL: a device without addresses */
void sll2(struct frame *f, const char *src_mac);
void null_link(struct frame *f, uint32_t family, bool is_big_endian); /* NULL in the writer's order, LOOP in big */
void ppp(struct frame *f, bool with_address);     /* with 0xff 0x03 in front, RFC 1662 3.1 */
void cisco_hdlc(struct frame *f);                 /* 0x0f 0x00 and an EtherType, RFC 1547 4.3.1 */
void arp(struct frame *f, const char *mac, const char *sender, const char *target);

/* IP. Addresses in text. */
void ipv4(struct frame *f, const char *src, const char *dst);
void ipv4_options(struct frame *f, const char *src, const char *dst, size_t option_len); /* NOPs; a multiple of 4 */
void ipv6(struct frame *f, const char *src, const char *dst);
void ip(struct frame *f, const char *src, const char *dst); /* the version that `src` is written in */
void extension(struct frame *f, unsigned type, size_t units); /* IPv6 extension header of (units + 1) * 8 octets */
void fragment_header(struct frame *f, uint32_t id, unsigned offset, bool more);
void authentication(struct frame *f, size_t icv_len); /* AH, RFC 4302 2; `icv_len` a multiple of 4 */

/* Transport. */
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };
void tcp(struct frame *f, unsigned src_port, unsigned dst_port, unsigned flags, uint32_t seq, uint32_t ack);
void tcp_options(struct frame *f, const void *options, size_t len); /* right behind tcp(); `len` a multiple of 4 */
void udp(struct frame *f, unsigned src_port, unsigned dst_port);
void icmp4(struct frame *f, unsigned type, unsigned code, uint32_t rest);
void icmp6(struct frame *f, unsigned type, unsigned code, uint32_t rest);
void other(struct frame *f, unsigned number);     /* what follows is announced as `number` and is not drawn */

void payload(struct frame *f, const void *octets, size_t len);
void payload_text(struct frame *f, const char *text);
void payload_fill(struct frame *f, uint8_t octet, size_t count);

/* Cut the IPv4 packet in `whole` (finished) into the part that carries `len` octets of its payload from `offset`
 * (a multiple of 8) on; the link header is kept. `more` follow. */
void ipv4_part(struct frame *part, const struct frame *whole, size_t offset, size_t len, bool more);
#endif
