/* SPDX-License-Identifier: Apache-2.0 */
/* dissect.h - the name parsers: octets in, names out.
 *
 * Each reads through a cursor that knows its end, allocates nothing, calls nothing but `learn`, and keeps what it found
 * before a fault. None of them decides whether a name may be believed: names.c does. What may be missing at the end of
 * a packet cut by the snap length is parsed as far as it goes.
 *
 * Names come as text: a DNS name in presentation form (RFC 1035 5.1) without the final dot, ASCII letters lower case
 * in DNS, mDNS, LLMNR, SNI and as on the wire in NBNS and DHCP; `.` and `\` inside a label as `\.` and `\\`, every other octet
 * outside 0x21..0x7e as `\DDD`. So each is printable ASCII.
 */
#ifndef DEVOURER_DISSECT_H
#define DEVOURER_DISSECT_H
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_TEXT_MAX 1012                        /* 253 octets, each as \DDD */

enum dissect_status {
	DISSECT_OK = 0,                           /* whole */
	DISSECT_SHORT = -1,                       /* ended early: more octets may complete it */
	DISSECT_BAD = -2,                         /* breaks its RFC; what was found before the fault stands */
	DISSECT_OTHER = -3,                       /* well formed, but nothing that teaches a name */
};

/* What a record in a DNS-like message says about `addr`. */
enum dns_fact {
	DNS_FACT_ADDRESS,                         /* A or AAAA */
	DNS_FACT_HINT,                            /* ipv4hint or ipv6hint of SVCB/HTTPS, RFC 9460 7.3 */
	DNS_FACT_PTR,                             /* in-addr.arpa or ip6.arpa -> name */
};

struct dns_name {
	const char *text;                         /* lent until the callback returns; NUL after it */
	uint16_t len;
	struct in6_addr addr;                     /* IPv4 as v4-mapped, RFC 4291 2.5.5.2 */
	uint32_t ttl_s;                           /* of the address record, 31 bits (RFC 2181 8) */
	enum dns_fact fact;
	bool cache_flush;                         /* mDNS: RFC 6762 10.2 */
};
typedef void dns_learn_fn(void *ctx, const struct dns_name *name);

/* The header and the first question (RFC 1035 4.1). */
struct dns_head {
	uint16_t id;
	bool is_response, is_truncated;
	uint8_t opcode, rcode;
	uint16_t question_count;
	uint16_t question_type, question_class;
	uint64_t question_hash;                   /* of the name as sent, letter case kept (0x20); 0: no question. Unkeyed */
	uint64_t question_folded_hash;            /* of the name in lower case */
	uint16_t question_len;                    /* of the text */
	char question[NAME_TEXT_MAX + 1];         /* presentation form, lower case */
	size_t answers_at;                        /* offset of the answer section */
	uint16_t answer_count, authority_count, additional_count;
};

/* Header and first question of a DNS, mDNS or LLMNR message. DISSECT_OK, _SHORT, _BAD. */
int dns_head(const uint8_t *msg, size_t len, struct dns_head *head);

/* Every address that the answer section ties to the question through its CNAMEs, DNAMEs and AliasMode records (RFC 9460
 * 2.4.2; in any order, at most 16 links), under the question's name; ipv4hint/ipv6hint of SVCB/HTTPS records likewise; PTR
 * answers under their target. `head` is from dns_head() of the same octets. Authority and additional sections are not read
 * (cache poisoning). */
int dns_answers(const uint8_t *msg, size_t len, const struct dns_head *head, dns_learn_fn *learn, void *ctx);

/* mDNS (RFC 6762): every A/AAAA owner and reverse PTR of the answer and additional sections of a response. */
int mdns_answers(const uint8_t *msg, size_t len, const struct dns_head *head, dns_learn_fn *learn, void *ctx);

/* LLMNR (RFC 4795): owners of A/AAAA in the answer section. */
int llmnr_answers(const uint8_t *msg, size_t len, const struct dns_head *head, dns_learn_fn *learn, void *ctx);

/* NBNS (RFC 1002 4.2): what one message registers or answers. */
enum nbns_kind { NBNS_ANSWER, NBNS_REGISTRATION, NBNS_NODE_STATUS };
struct nbns_name {
	enum nbns_kind kind;
	const char *text;                         /* trailing spaces trimmed; escaped */
	uint16_t len;
	uint8_t suffix;                           /* 0x00 workstation, 0x20 file server, … */
	bool is_group;
	bool has_addr;                            /* not in NBNS_NODE_STATUS: the sender's then */
	struct in6_addr addr;
	uint32_t ttl_s;
};
typedef void nbns_learn_fn(void *ctx, const struct nbns_name *name);
int nbns_names(const uint8_t *msg, size_t len, nbns_learn_fn *learn, void *ctx);

/* DHCPv4 (RFC 2131, 2132, 3396 long options, 4702 FQDN; option overload): the fields that bind names. */
struct dhcp4 {
	bool is_reply;                            /* op 2 */
	uint8_t type;                             /* option 53: 1 DISCOVER 2 OFFER 3 REQUEST 4 DECLINE 5 ACK 6 NAK 7 RELEASE 8 INFORM; 0 BOOTP */
	uint32_t xid;
	uint8_t chaddr[6];                        /* only htype 1, hlen 6; others are DISSECT_OTHER */
	uint32_t ciaddr, yiaddr;                  /* host order */
	uint32_t lease_s;                         /* option 51; 0: none */
	uint16_t hostname_len, fqdn_len;          /* options 12 and 81; 0: none */
	char hostname[NAME_TEXT_MAX + 1], fqdn[NAME_TEXT_MAX + 1];
};
int dhcp4_parse(const uint8_t *msg, size_t len, struct dhcp4 *out);

/* DHCPv6 (RFC 8415, 4704): client DUID, FQDN and the addresses bound; one relay level unwrapped. */
#define DHCP6_ADDRS_MAX 8
#define DHCP6_DUID_MAX 130                        /* RFC 8415 11.1: 128 octets and the type */
struct dhcp6 {
	uint8_t type;                             /* 1 SOLICIT 3 REQUEST 5 RENEW 6 REBIND 7 REPLY 8 RELEASE 9 DECLINE … */
	uint32_t xid;                             /* 24 bits */
	uint16_t duid_len;
	uint8_t duid[DHCP6_DUID_MAX];
	bool has_mac;                             /* DUID-LLT or DUID-LL of Ethernet */
	uint8_t mac[6];
	uint16_t fqdn_len;
	char fqdn[NAME_TEXT_MAX + 1];
	unsigned addr_count;
	struct { struct in6_addr addr; uint32_t valid_s; } addrs[DHCP6_ADDRS_MAX];
};
int dhcp6_parse(const uint8_t *msg, size_t len, struct dhcp6 *out);

/* TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3) at the start of `stream`, over any number of records. OK: `out` is filled.
 * SHORT: so far it may become one. OTHER: not a ClientHello. BAD: one that breaks its format.
 * OK with sni_len 0: no server name, or one that may not be used (an IP literal, over 253 octets).
 * SHORT and BAD fill `out` with what stands before the end or the fault: a hello cut by the snap length may give sni_len > 0. */
struct tls_hello {
	uint16_t sni_len;
	char sni[NAME_TEXT_MAX + 1];
	bool has_ech;                             /* extension 0xfe0d: the name is a public one */
};
int tls_client_hello(const uint8_t *stream, size_t len, struct tls_hello *out);
#define TLS_HELLO_MAX 16384                       /* octets of a ClientHello that are read, record headers included */
#endif
