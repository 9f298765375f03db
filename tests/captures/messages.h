/* SPDX-License-Identifier: Apache-2.0 */
/* messages.h - the messages that carry names: DNS, mDNS, LLMNR, NBNS, DHCP, TLS. Each is added to a blob. */
#ifndef DEVOURER_TESTS_MESSAGES_H
#define DEVOURER_TESTS_MESSAGES_H
#include <stdbool.h>
#include "blob.h"

enum dns_type {
	DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_TXT = 16, DNS_AAAA = 28, DNS_SRV = 33, DNS_DNAME = 39, DNS_OPT = 41,
	DNS_HTTPS = 65,
};
enum dns_flag {
	DNS_RESPONSE = 0x8000, DNS_AUTHORITATIVE = 0x0400, DNS_TRUNCATED = 0x0200, DNS_RECURSE = 0x0100, DNS_NXDOMAIN = 3,
	DNS_ANSWER = 0x8180,                      /* response, recursion desired and available */
	MDNS_ANSWER = 0x8400,                     /* response, authoritative: RFC 6762 18 */
};
enum { DNS_IN = 1, MDNS_FLUSH = 0x8001 };         /* class; RFC 6762 10.2 */

/* Names are presentation text: a final dot or none, `\.` and `\DDD` as in RFC 1035 5.1. */
struct dns_record {
	const char *owner;                        /* NULL: no record. "." is the root */
	enum dns_type type;
	uint32_t ttl;
	const char *value;                        /* address or name, as the type wants; HTTPS: hints, by comma */
	unsigned class;                           /* 0: IN */
};

#define DNS_RECORDS 12
struct dns_message {
	unsigned id, flags;
	const char *question;                     /* NULL: none */
	enum dns_type type;
	unsigned class;                           /* 0: IN */
	struct dns_record answers[DNS_RECORDS], authority[2], additional[DNS_RECORDS];
};

/* With compression (RFC 1035 4.1.4) of every name but those in escapes. */
void dns(struct blob *b, const struct dns_message *message);
void dns_question(struct blob *b, unsigned id, const char *name, enum dns_type type); /* a query, recursion desired */
void dns_over_tcp(struct blob *b, const struct dns_message *message); /* its length in front, RFC 1035 4.2.2 */

/* NetBIOS name service, RFC 1002 4.2. */
enum { NBNS_WORKSTATION = 0x00, NBNS_SERVER = 0x20, NBNS_DOMAIN = 0x1c };
void nbns_register(struct blob *b, unsigned id, const char *name, unsigned suffix, bool is_group, const char *addr);
void nbns_query(struct blob *b, unsigned id, const char *name, unsigned suffix);
void nbns_answer(struct blob *b, unsigned id, const char *name, unsigned suffix, bool is_group, const char *addr);
struct nbns_entry { const char *name; unsigned suffix; bool is_group; };
void nbns_node_status(struct blob *b, unsigned id, const struct nbns_entry *entries, size_t count, const char *mac);

enum dhcp4_type {
	DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK, DHCP_RELEASE, DHCP_INFORM
};
struct dhcp4_message {
	enum dhcp4_type type;
	uint32_t xid;
	const char *mac;                          /* chaddr */
	const char *ciaddr, *yiaddr;              /* NULL: 0.0.0.0 */
	const char *hostname;                     /* option 12; NULL: none */
	const char *fqdn;                         /* option 81; NULL: none */
	bool fqdn_in_wire_form;                   /* the E bit, RFC 4702 2.1 */
	bool hostname_in_sname;                   /* option 52: option 12 stands in the server name field, RFC 2132 9.3 */
	bool hostname_in_two;                     /* option 12 twice, to be joined: RFC 3396 5 */
	uint32_t lease_s;                         /* option 51; 0: none */
};
void dhcp4_message(struct blob *b, const struct dhcp4_message *m);

struct dhcp6_message {
	unsigned type;                            /* 1 SOLICIT 2 ADVERTISE 3 REQUEST 5 RENEW 7 REPLY */
	uint32_t xid;
	const char *mac;                          /* in the DUID-LL, RFC 8415 11.4 */
	const char *fqdn;                         /* option 39; NULL: none */
	const char *addr;                         /* in IA_NA; NULL: none */
};
void dhcp6_message(struct blob *b, const struct dhcp6_message *m);
/* Type 12 forwards, 13 replies. */
void dhcp6_relayed(struct blob *b, unsigned type, const char *link, const char *peer, const struct blob *message);

/* TLS ClientHello, RFC 8446 4.1.2. */
struct hello {
	const char *sni;                          /* NULL: no such extension */
	size_t key_share_len;                     /* 32; 1216 for X25519MLKEM768, which needs two segments */
	bool sni_last;                            /* behind the key share */
	bool has_ech;
};
void client_hello(struct blob *b, const struct hello *hello); /* in one record */
void client_hello_in_records(struct blob *b, const struct hello *hello, size_t record_len);
void server_hello(struct blob *b);
#endif
