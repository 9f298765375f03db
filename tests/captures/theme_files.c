/* SPDX-License-Identifier: Apache-2.0 */
/* theme_files.c - the same capture in every encoding, and files that are not what they seem. */
#include <string.h>
#include "messages.h"
#include "talk.h"
#include "themes.h"

/* A question, its answer, and a connection; times in whole microseconds. */
static void little(struct capture *c)
{
	struct blob question = { .len = 0 }, reply = { .len = 0 }, hello = { .len = 0 };
	struct talk t = talk_begin(c, at_us(20123456), on(laptop, 40000), web);

	dns_question(&question, 1, "www.example.com", DNS_A);
	say_udp(c, at_us(123456), on(laptop, 50000), on(resolver, 53), &question);
	dns(&reply, &(struct dns_message){
		.id = 1, .flags = DNS_ANSWER, .question = "www.example.com", .type = DNS_A,
		.answers = { { "www.example.com", DNS_A, 300, "198.51.100.80", 0 } } });
	say_udp(c, at_us(133457), on(resolver, 53), on(laptop, 50000), &reply);
	say_icmp(c, at_us(10000001), laptop6, web6, 128, 0);
	client_hello(&hello, &(struct hello){ .sni = "www.example.com" });
	talk_open(&t);
	talk_ask(&t, hello.octets, hello.len);
	talk_reply(&t, "secret", 6);
	talk_close(&t);
}

/* Two good packets of one flow: what stands before a fault is recorded. */
static void two_good(struct capture *c)
{
	say_text(c, at_ms(0), on(laptop, 5000), on(web, 7777), "good");
	say_text(c, at_ms(10), on(web, 7777), on(laptop, 5000), "good");
}

static void good_frame(struct frame *f, unsigned port)
{
	begin_between(f, laptop, web);
	udp(f, port, 7777);
	payload_fill(f, 0x67, 100);
	frame_end(f);
}

/* A record that claims `caplen` and `len`; `there` octets follow. */
static void claims(struct capture *c, uint64_t ns, uint32_t caplen, uint32_t len, size_t there)
{
	uint32_t header[4] = { (uint32_t)(ns / 1000000000), (uint32_t)(ns % 1000000000 / 1000), caplen, len };
	uint8_t octets[16];

	for (int i = 0; i < 16; i++)
		octets[i] = (uint8_t)(header[i / 4] >> i % 4 * 8);
	capture_raw(c, octets, 16);
	for (uint8_t zero = 0; there; there--)
		capture_raw(c, &zero, 1);
}

static void no_packets(struct capture *c)
{
	(void)c;
}

static void unknown_link(struct capture *c)
{
	two_good(c);
}

static void cut_in_record(struct capture *c)
{
	two_good(c);
	claims(c, at_ms(20), 100, 100, 50);
}

static void cut_in_header(struct capture *c)
{
	two_good(c);
	capture_raw(c, "\0\0\0\0\0\0", 6);
}

/* More octets than any capture has in one record. */
static void huge_record(struct capture *c)
{
	two_good(c);
	claims(c, at_ms(20), 300000, 300000, 300000);
}

/* The header says 60, the record holds 142: it is cut to what the header says. */
static void over_snaplen(struct capture *c)
{
	struct frame f;

	good_frame(&f, 5000);
	capture_octets(c, at_ms(0), f.b.octets, (uint32_t)f.b.len, (uint32_t)f.b.len);
	good_frame(&f, 5001);
	capture_octets(c, at_ms(1), f.b.octets, 60, (uint32_t)f.b.len);
}

/* Lengths on the wire that cannot be: what was captured counts. */
static void lengths(struct capture *c)
{
	struct frame f;

	good_frame(&f, 5000);
	capture_octets(c, at_ms(0), f.b.octets, (uint32_t)f.b.len, 20);
	good_frame(&f, 5001);
	capture_octets(c, at_ms(1), f.b.octets, (uint32_t)f.b.len, 4294967295u);
	good_frame(&f, 5002);
	capture_octets(c, at_ms(2), f.b.octets, (uint32_t)f.b.len, 0);
	good_frame(&f, 5003);
	capture_octets(c, at_ms(3), f.b.octets, (uint32_t)f.b.len, 65549); /* cut by the snap length: believed */
}

/* Microseconds of which there are only a million in a second. */
static void fractions(struct capture *c)
{
	struct frame f;

	two_good(c);
	good_frame(&f, 5001);
	capture_raw(c, "\x29\x8e\x87\x67\xff\xff\xff\xff\x8e\0\0\0\x8e\0\0\0", 16); /* 10:30:01 */
	capture_raw(c, f.b.octets, 142);
	say_text(c, at_ms(2000), on(laptop, 5000), on(web, 7777), "good");
}

/* One packet of the year 2038 between others: no flow is ended by it. */
static void far_future(struct capture *c)
{
	two_good(c);
	say_text(c, 2147483647ull * 1000000000, on(laptop, 5001), on(web, 7777), "far off");
	say_text(c, at_ms(20), on(laptop, 5000), on(web, 7777), "good");
	say_text(c, at_ms(30), on(web, 7777), on(laptop, 5000), "good");
}

/* Seconds are 32 bits without a sign: the last one is in the year 2106. */
static void unsigned_seconds(struct capture *c)
{
	say_text(c, 2147483648ull * 1000000000, on(laptop, 5000), on(web, 7777), "the first moment behind 31 bits");
	say_text(c, 4294967295ull * 1000000000, on(laptop, 5001), on(web, 7777), "the last moment of all");
}

/* Beyond the year 2262, where nanoseconds in 63 bits end: told as their last moment. */
static void beyond_2262(struct capture *c)
{
	two_good(c);
	say_text(c, 18000000000000000000ull, on(laptop, 5001), on(web, 7777), "the year 2540");
	say_text(c, at_ms(20), on(laptop, 5000), on(web, 7777), "good");
}

static void ng_cut(struct capture *c)
{
	two_good(c);
	capture_raw(c, "\6\0\0\0\x40\0\0\0\0\0\0\0", 12);
}

/* A block that says it is 4 GiB long. */
static void ng_block(struct capture *c)
{
	two_good(c);
	capture_raw(c, "\6\0\0\0\xf0\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0", 20);
}

static void write_odd_files(const char *dir)
{
	static const char text[] = "This is not a capture; it is a line of text.\n";

	write_file(dir, "bad-empty.pcap", "", 0);
	write_file(dir, "bad-header.pcap", "\xd4\xc3\xb2\xa1\2\0\4\0\0\0", 10);
	write_file(dir, "bad-magic.pcap", text, strlen(text));
}

void theme_files(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "encoding-us", { .link = LINK_ETHERNET }, little },
		{ "encoding-ns", { .link = LINK_ETHERNET, .is_nano = true }, little },
		{ "encoding-us-be", { .link = LINK_ETHERNET, .is_big_endian = true }, little },
		{ "encoding-ns-be", { .link = LINK_ETHERNET, .is_big_endian = true, .is_nano = true }, little },
		{ "encoding-ng-us", { .link = LINK_ETHERNET, .is_pcapng = true }, little },
		{ "encoding-ng-ns", { .link = LINK_ETHERNET, .is_pcapng = true, .is_nano = true }, little },
		{ "encoding-ng-us-be", { .link = LINK_ETHERNET, .is_pcapng = true, .is_big_endian = true }, little },
		{ "encoding-ng-ns-be", { .link = LINK_ETHERNET, .is_pcapng = true, .is_big_endian = true, .is_nano = true }, little },
		{ "no-packets", { .link = LINK_ETHERNET }, no_packets },
		{ "bad-link", { .link = LINK_USER0 }, unknown_link },
		{ "bad-cut", { .link = LINK_ETHERNET }, cut_in_record },
		{ "bad-cut-header", { .link = LINK_ETHERNET }, cut_in_header },
		{ "bad-huge", { .link = LINK_ETHERNET }, huge_record },
		{ "bad-snaplen", { .link = LINK_ETHERNET, .snaplen = 60 }, over_snaplen },
		{ "bad-lengths", { .link = LINK_ETHERNET }, lengths },
		{ "bad-fractions", { .link = LINK_ETHERNET }, fractions },
		{ "bad-future", { .link = LINK_ETHERNET }, far_future },
		{ "file-2106", { .link = LINK_ETHERNET }, unsigned_seconds },
		{ "bad-year", { .link = LINK_ETHERNET, .is_pcapng = true, .is_nano = true }, beyond_2262 },
		{ "bad-ng-cut", { .link = LINK_ETHERNET, .is_pcapng = true }, ng_cut },
		{ "bad-ng-block", { .link = LINK_ETHERNET, .is_pcapng = true }, ng_block },
	};

	WRITE_CAPTURES(dir, rows);
	write_odd_files(dir);
}
