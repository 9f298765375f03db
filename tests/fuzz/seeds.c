/* SPDX-License-Identifier: Apache-2.0 */
/* seeds.c - writes DIR/TARGET/NAME for every row: good, cut and hostile inputs that the fuzz targets start from. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define OCTETS(s) s, sizeof(s) - 1
#define CUT(s, by) s, sizeof(s) - 1 - (by)

/* DNS; the first octet of an input chooses the protocol. */
#define DNS "\0"
#define MDNS "\1"
#define LLMNR "\2"
#define HEADER(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define RESPONSE "\x81\x80"
#define AUTHORITATIVE "\x84\0"
#define EXAMPLE "\3www\7example\3com\0"           /* example.com is at offset 16 */
#define QUESTION(name, type) name "\0" type "\0\1"
#define RECORD(owner, type, len, rdata) owner "\0" type "\0\1\0\0\1\x2c\0" len rdata
#define FLUSHED(owner, type, len, rdata) owner "\0" type "\x80\1\0\0\0\x78\0" len rdata
#define ASKED "\xc0\x0c"
#define A(owner, last) RECORD(owner, "\1", "\4", "\xc0\0\2" last)
#define V6 "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define ORDINARY DNS HEADER(RESPONSE, "\1", "\3", "\0", "\0") QUESTION(EXAMPLE, "\1") RECORD(ASKED, "\5", "\5", "\2cd\xc0\x10") \
	A("\xc0\x2d", "\1") A("\xc0\x2d", "\2")
#define REVERSE4 "\1" "1\1" "2\1" "0\3" "192\7in-addr\4arpa\0"
#define HINTS "\0\1\0\0\1\0\3\2h2\0\4\0\4\xc0\0\2\1\0\6\0\x10" V6

/* NBNS */
#define NBNS_MYPC "\x20" "ENFJFAEDCACACACACACACACACACACAAA\0"
#define NBNS_HEADER(flags, qd, an, ar) "\x12\x34" flags "\0" qd "\0" an "\0\0\0" ar
#define NBNS_ENTRY "MYPC           "

/* DHCP */
#define ZEROS_16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZEROS_64 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16
#define DHCP4_HEAD "\1\1\6\0\1\2\3\4\0\0\0\0\xc0\0\2\1\xc0\0\2\2\0\0\0\0\0\0\0\0\2\0\0\0\0\x9\0\0\0\0\0\0\0\0\0\0"
#define DHCP4_COOKIE "\x63\x82\x53\x63"
#define DHCP4(options) DHCP4_HEAD ZEROS_64 ZEROS_64 ZEROS_64 DHCP4_COOKIE options
#define DHCP4_SNAME "\14\1c\377" ZEROS_16 ZEROS_16 ZEROS_16 "\0\0\0\0\0\0\0\0\0\0\0\0"
#define DHCP4_FILE "\14\1b\377" ZEROS_64 ZEROS_16 ZEROS_16 ZEROS_16 "\0\0\0\0\0\0\0\0\0\0\0\0"
#define DHCP6_DUID "\0\1\0\12\0\3\0\1\2\0\0\0\0\x9"
#define DHCP6_FQDN "\0\x27\0\13\1\3Pc1\5local"
#define DHCP6_IA "\0\3\0\50iaid\0\0\0\1\0\0\0\2\0\5\0\30" V6 "\0\0\0\1\0\0\1\0"

/* TLS */
#define TLS_RECORD "\x16\3\1"
#define ZEROS_32 ZEROS_16 ZEROS_16
#define TLS_SNI "\0\0\0\24\0\22\0\0\17www.example.com"
#define TLS_REST "\3\3" ZEROS_32 "\0\0\2\x13\1\1\0"  /* 41 octets up to the extensions */

/* Frames, and capture files with one of them */
#define MACS "\2\0\0\0\0\2\2\0\0\0\0\1"
#define ETHERNET "\0\xff" MACS                   /* the link type, and hardly a cut */
#define IP4_ENDS "\12\0\0\1\300\0\2\1"
#define IP4(len, protocol) "\x45\0\0" len "\0\1\0\0\x40" protocol "\0\0" IP4_ENDS
#define IP6(len, next) "\x60\0\0\0\0" len next "\x40" V6 V6
#define UDP "\4\x57\1\xbb\0\x08\0\0"
#define TCP "\4\x57\1\xbb\1\2\3\4\0\0\0\0\x50\2\xfa\xf0\0\0\0\0"
#define TAG(id) "\x81\0\0" id
#define LABEL "\0\1\0\x40"
#define BOTTOM "\0\1\1\x40"
#define PCAP_HEAD(link) "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0" link "\0\0\0"
#define PCAP_RECORD "\x28\x8f\x87\x67\5\0\0\0\x2a\0\0\0\x2a\0\0\0" MACS "\x08\0" IP4("\x1c", "\x11") UDP
#define PCAPNG "\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0" \
	"\1\0\0\0\x14\0\0\0\1\0\0\0\0\0\4\0\x14\0\0\0"
#define PCAPNG_PACKET "\6\0\0\0\x4c\0\0\0\0\0\0\0\xdb\x2b\6\0\5\0\0\0\x2a\0\0\0\x2a\0\0\0" MACS "\x08\0" \
	IP4("\x1c", "\x11") UDP "\0\0\x4c\0\0\0"
#define GZIP "\37\213\10\0\0\0\0\0\2\3\273rx\323B&\6\26\6\4`a`\4\222\32}\355\351\254@Z\13\212\231@RL`\222\221\203\301\225\201A" \
	"\6\244\314A\220\201\201\13(r\200\201\211\221%\234q7\3\7\3\3\0\33\366d+R\0\0\0"
#define ZSTD "(\265/\375\0h\335\1\0\22D\14\24\300k\14_\360\340\355k\257\377\77\26/\366\342\355Q\263R\246/\206\252\200\356Q" \
	"\177<A\257\227O\13\375\337\375\337\363\207\305\232\371u0x\335\2233\2\0n\256\33\210\3"

/* A record: times and numbers, an interface, and two ends with names. */
#define RECORD_HEAD "\x1a" ZEROS_16 "\1\2\3\4\5\6\7\x18" "\2\2\3\4\5\6\7\x18" "\7\0\0\0" "\1\0\0\0" "eth0\0\0\0\0\0\0\0\0\0\0\0\0"
#define RECORD_SIDE(flags, names) flags V6 "\2\0\0\0\0\1" "\x64\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0" "\xbb\1" "\x12" names

/* A frame of the spool, without its checksum: octets of lines, lines, sequence, records dropped before it. */
#define FRAME(len, rows, sequence, dropped) "\xdf" "fr\xed" "\0\0\0\0" len "\0\0\0" rows "\0\0\0" sequence "\0\0\0\0\0\0\0" \
	dropped "\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0"
#define FRAME_LINES "{\"n\":1}\n"

struct seed {
	const char *target, *name, *octets;
	size_t len;
	const char *tail;                         /* repeated `times` behind the octets */
	size_t tail_len, times;
};

static const struct seed seeds[] = {
	{ "fuzz_dns", "dns-ordinary", OCTETS(ORDINARY), OCTETS(""), 0 },
	{ "fuzz_dns", "dns-cut", CUT(ORDINARY, 7), OCTETS(""), 0 },
	{ "fuzz_dns", "dns-dname", OCTETS(DNS HEADER(RESPONSE, "\1", "\2", "\0", "\0") QUESTION(EXAMPLE, "\1")
	  RECORD("\xc0\x10", "\x27", "\5", "\3net\0") A("\3www\3net\0", "\1")), OCTETS(""), 0 },
	{ "fuzz_dns", "dns-https", OCTETS(DNS HEADER(RESPONSE, "\1", "\2", "\0", "\0") QUESTION(EXAMPLE, "\x41")
	  RECORD(ASKED, "\x41", "\x26", HINTS) RECORD(ASKED, "\x41", "\7", "\0\0\3net\0")), OCTETS(""), 0 },
	{ "fuzz_dns", "dns-ptr", OCTETS(DNS HEADER(RESPONSE, "\1", "\1", "\0", "\0") QUESTION(REVERSE4, "\x0c")
	  RECORD(ASKED, "\x0c", "\6", "\4host\0")), OCTETS(""), 0 },
	{ "fuzz_dns", "dns-query", OCTETS(DNS HEADER("\1\0", "\1", "\0", "\0", "\0") QUESTION(EXAMPLE, "\x1c")), OCTETS(""), 0 },
	{ "fuzz_dns", "dns-pointer-to-self", OCTETS(DNS HEADER(RESPONSE, "\1", "\1", "\0", "\0") "\xc0\x0c\0\1\0\1"), OCTETS(""), 0 },
	{ "fuzz_dns", "dns-pointers", OCTETS(DNS HEADER(RESPONSE, "\1", "\xff", "\0", "\0") QUESTION(EXAMPLE, "\1")),
	  OCTETS("\xc0\x0c"), 2000 },
	{ "fuzz_dns", "dns-many-records", OCTETS(DNS "\x12\x34" RESPONSE "\0\1\1\x2c\0\0\0\0" QUESTION(EXAMPLE, "\1")),
	  OCTETS(A(ASKED, "\1")), 300 },
	{ "fuzz_dns", "dns-many-hints", OCTETS(DNS HEADER(RESPONSE, "\1", "\1", "\0", "\0") QUESTION(EXAMPLE, "\x41")
	  ASKED "\0\x41\0\1\0\0\0\x3c\4\xb7\0\1\0\0\4\4\xb0"), OCTETS("\xc0\0\2\1"), 300 },
	{ "fuzz_dns", "dns-long-name", OCTETS(DNS HEADER(RESPONSE, "\1", "\0", "\0", "\0")), OCTETS("\1\xff"), 128 },
	{ "fuzz_dns", "mdns-host", OCTETS(MDNS HEADER(AUTHORITATIVE, "\0", "\1", "\0", "\2") FLUSHED("\3Mac\5local\0", "\1", "\4", "\xc0\0\2\1")
	  FLUSHED("\xc0\x0c", "\x1c", "\x10", V6) FLUSHED(REVERSE4, "\x0c", "\2", "\xc0\x0c")), OCTETS(""), 0 },
	{ "fuzz_dns", "llmnr-host", OCTETS(LLMNR HEADER("\x80\0", "\1", "\1", "\0", "\0") QUESTION("\4host\0", "\1") A(ASKED, "\1")),
	  OCTETS(""), 0 },

	{ "fuzz_nbns", "registration", OCTETS(NBNS_HEADER("\x29\x10", "\1", "\0", "\1") NBNS_MYPC "\0\x20\0\1"
	  "\xc0\x0c\0\x20\0\1\0\4\x93\xe0\0\6\0\0\xc0\0\2\1"), OCTETS(""), 0 },
	{ "fuzz_nbns", "answer", OCTETS(NBNS_HEADER("\x85\0", "\0", "\1", "\0") NBNS_MYPC "\0\x20\0\1\0\4\x93\xe0\0\14"
	  "\0\0\xc0\0\2\1\x80\0\xc0\0\2\2"), OCTETS(""), 0 },
	{ "fuzz_nbns", "node-status", OCTETS(NBNS_HEADER("\x84\0", "\0", "\1", "\0") NBNS_MYPC "\0\x21\0\1\0\0\0\0\0\45\2"
	  NBNS_ENTRY "\0\4\0" NBNS_ENTRY "\x20\x84\0"), OCTETS(""), 0 },
	{ "fuzz_nbns", "cut", CUT(NBNS_HEADER("\x85\0", "\0", "\1", "\0") NBNS_MYPC "\0\x20\0\1\0\4\x93\xe0\0\6", 3), OCTETS(""), 0 },
	{ "fuzz_nbns", "many", OCTETS(NBNS_HEADER("\x85\0", "\0", "\1", "\0") NBNS_MYPC "\0\x20\0\1\0\0\0\0\x0b\xb8"),
	  OCTETS("\0\0\xc0\0\2\1"), 500 },

	{ "fuzz_dhcp4", "request", OCTETS(DHCP4("\65\1\3\14\4MyPC\121\13\0\0\0Pc.local\377")), OCTETS(""), 0 },
	{ "fuzz_dhcp4", "ack", OCTETS(DHCP4("\65\1\5\63\4\0\1\x51\x80\121\15\4\0\0\2Pc\5local\0\377")), OCTETS(""), 0 },
	{ "fuzz_dhcp4", "overload", OCTETS(DHCP4_HEAD DHCP4_SNAME DHCP4_FILE DHCP4_COOKIE "\64\1\3\14\1a\377"), OCTETS(""), 0 },
	{ "fuzz_dhcp4", "cut", CUT(DHCP4("\65\1\3\14\4MyPC\377"), 3), OCTETS(""), 0 },
	{ "fuzz_dhcp4", "long", OCTETS(DHCP4("\65\1\3")), OCTETS("\14\3abc"), 120 },

	{ "fuzz_dhcp6", "solicit", OCTETS("\1\1\2\3" DHCP6_DUID DHCP6_FQDN), OCTETS(""), 0 },
	{ "fuzz_dhcp6", "reply", OCTETS("\7\1\2\3" DHCP6_DUID DHCP6_FQDN DHCP6_IA), OCTETS(""), 0 },
	{ "fuzz_dhcp6", "relay", OCTETS("\14\0" V6 V6 "\0\x9\0\41\1\1\2\3" DHCP6_DUID DHCP6_FQDN), OCTETS(""), 0 },
	{ "fuzz_dhcp6", "cut", CUT("\7\1\2\3" DHCP6_DUID DHCP6_IA, 9), OCTETS(""), 0 },
	{ "fuzz_dhcp6", "many", OCTETS("\7\1\2\3" DHCP6_DUID), OCTETS(DHCP6_IA), 20 },

	{ "fuzz_tls", "hello", OCTETS(TLS_RECORD "\0\x4f\1\0\0\x4b" TLS_REST "\0\x20\0\0\0\x14\0\x12\0\0\x0fwww.example.com"
	  "\xfe\xd\0\4\0\0\1\2"), OCTETS(""), 0 },
	{ "fuzz_tls", "address", OCTETS(TLS_RECORD "\0\x41\1\0\0\x3d" TLS_REST "\0\x12\0\0\0\x0e\0\x0c\0\0\x09" "192.0.2.1"), OCTETS(""), 0 },
	{ "fuzz_tls", "two-records", OCTETS(TLS_RECORD "\0\1\1" TLS_RECORD "\0\x46\0\0\x43" TLS_REST "\0\x18" TLS_SNI), OCTETS(""), 0 },
	{ "fuzz_tls", "cut", CUT(TLS_RECORD "\0\x47\1\0\0\x43" TLS_REST "\0\x18" TLS_SNI, 4), OCTETS(""), 0 },
	{ "fuzz_tls", "one-octet-records", OCTETS(TLS_RECORD "\0\1\1" TLS_RECORD "\0\1\0"), OCTETS(TLS_RECORD "\0\1\0"), 200 },

	{ "fuzz_packet", "udp", OCTETS(ETHERNET "\x08\0" IP4("\x1c", "\x11") UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "tcp-padded", OCTETS(ETHERNET "\x08\0" IP4("\x28", "\6") TCP), OCTETS("\0"), 6 },
	{ "fuzz_packet", "tcp6-cut", CUT(ETHERNET "\x86\xdd" IP6("\x14", "\6") TCP, 3), OCTETS(""), 0 },
	{ "fuzz_packet", "icmp6", OCTETS(ETHERNET "\x86\xdd" IP6("\x08", "\x3a") "\x80\0\0\0\0\1\0\1"), OCTETS(""), 0 },
	{ "fuzz_packet", "tags", OCTETS(ETHERNET TAG("\7") TAG("\x08") "\x08\0" IP4("\x1c", "\x11") UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "many-tags", OCTETS(ETHERNET), OCTETS(TAG("\7")), 20 },
	{ "fuzz_packet", "labels", OCTETS(ETHERNET "\x88\x47" LABEL BOTTOM IP4("\x1c", "\x11") UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "pppoe", OCTETS(ETHERNET "\x88\x64\x11\0\0\1\0\x1e\0\x21" IP4("\x1c", "\x11") UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "snap", OCTETS(ETHERNET "\0\x24\xaa\xaa\3\0\0\0\x08\0" IP4("\x1c", "\x11") UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "options", OCTETS(ETHERNET "\x08\0\x4f\0\0\x44\0\1\0\0\x40\x11\0\0" IP4_ENDS ZEROS_16 ZEROS_16 "\0\0\0\0\0\0\0\0"
	  UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "extensions", OCTETS(ETHERNET "\x86\xdd" IP6("\x20", "\0") "\x3c\0\1\4\0\0\0\0" "\x2c\0\1\4\0\0\0\0"
	  "\x11\0\0\1\0\0\0\x4d" UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "many-extensions", OCTETS(ETHERNET "\x86\xdd" IP6("\x60", "\0")), OCTETS("\0\0\1\4\0\0\0\0"), 12 },
	{ "fuzz_packet", "authentication", OCTETS(ETHERNET "\x08\0" IP4("\x28", "\x33") "\x11\1\0\0\0\0\x10\0\0\0\0\1" UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "raw", OCTETS("\4\xff" IP4("\x1c", "\x11") UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "null", OCTETS("\5\xff\2\0\0\0" IP4("\x1c", "\x11") UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "cooked", OCTETS("\x09\xff\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0" IP4("\x1c", "\x11") UDP), OCTETS(""), 0 },
	{ "fuzz_packet", "ppp", OCTETS("\x0b\xff\xff\3\0\x21" IP4("\x1c", "\x11") UDP), OCTETS(""), 0 },

	{ "fuzz_capture_file", "pcap", OCTETS(PCAP_HEAD("\1")), OCTETS(PCAP_RECORD), 3 },
	{ "fuzz_capture_file", "pcap-cut", CUT(PCAP_HEAD("\1") PCAP_RECORD, 9), OCTETS(""), 0 },
	{ "fuzz_capture_file", "pcap-raw", OCTETS(PCAP_HEAD("\x65")), OCTETS(PCAP_RECORD), 2 },
	{ "fuzz_capture_file", "pcap-user0", OCTETS(PCAP_HEAD("\x93") PCAP_RECORD), OCTETS(""), 0 },
	{ "fuzz_capture_file", "pcapng", OCTETS(PCAPNG), OCTETS(PCAPNG_PACKET), 3 },
	{ "fuzz_capture_file", "gzip", OCTETS(""), OCTETS(GZIP), 2 },
	{ "fuzz_capture_file", "gzip-cut", CUT(GZIP, 12), OCTETS(""), 0 },
	{ "fuzz_capture_file", "zstd", OCTETS(ZSTD), OCTETS(""), 0 },
	{ "fuzz_capture_file", "zstd-cut", CUT(ZSTD, 5), OCTETS(""), 0 },

	{ "fuzz_record", "names", OCTETS(RECORD_HEAD RECORD_SIDE("\2", "\2\1\4host\1\x0bwww.example") RECORD_SIDE("\1", "\1\1\3a\\\"")), OCTETS(""), 0 },
	{ "fuzz_record", "octets", OCTETS(RECORD_HEAD RECORD_SIDE("\3", "\x08\0\xfd")), OCTETS("\0\x1b]\\\"\n\xff"), 100 },
	{ "fuzz_record", "numbers", OCTETS(""), OCTETS("\xff"), 200 },
	{ "fuzz_spool", "two-frames", OCTETS(FRAME("\x10", "\2", "\0", "\0") FRAME_LINES FRAME_LINES
	  FRAME("\x08", "\1", "\2", "\0") FRAME_LINES), OCTETS(""), 0 },
	{ "fuzz_spool", "gap", OCTETS(FRAME("\x08", "\1", "\7", "\5") FRAME_LINES FRAME("\0", "\0", "\x09", "\1")), OCTETS(""), 0 },
	{ "fuzz_spool", "damage-between", OCTETS(FRAME("\x08", "\1", "\0", "\0") FRAME_LINES "rubbish\n"
	  FRAME("\x08", "\1", "\5", "\0") FRAME_LINES), OCTETS(""), 0 },
	{ "fuzz_spool", "backwards", OCTETS(FRAME("\x08", "\1", "\5", "\0") FRAME_LINES FRAME("\x08", "\1", "\1", "\0") FRAME_LINES),
	  OCTETS(""), 0 },
};

static int seed_write(const char *folder, const struct seed *seed)
{
	char path[4096];
	FILE *file;
	int failed;

	snprintf(path, sizeof(path), "%s/%s", folder, seed->target);
	if (mkdir(path, 0777) && errno != EEXIST) {
		perror(path);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/%s/%s", folder, seed->target, seed->name);
	file = fopen(path, "wb");
	if (!file) {
		perror(path);
		return 1;
	}
	fwrite(seed->octets, 1, seed->len, file);
	for (size_t i = 0; i < seed->times; i++)
		fwrite(seed->tail, 1, seed->tail_len, file);
	failed = ferror(file) != 0;
	failed |= fclose(file) != 0;
	if (failed)
		perror(path);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: seeds DIR\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		failed |= seed_write(argv[1], &seeds[i]);
	return failed;
}
