/* SPDX-License-Identifier: Apache-2.0 */
/* parity.c - frames through the parser in the kernel and in user space: every octet of what they find agrees.
 *
 *	parity OBJECT [FRAMES]          (root; OBJECT is parse.bpf.o; FRAMES or PARITY_FRAMES: 100000)
 *
 * Half of the frames are made of random layers, half of those with octets changed, cut, or with lengths that lie; then the
 * frames of the capture files that are there. One total at the end: a source of frames passes when no frame differs.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#define bpf_insn pcap_insn                        /* both libraries have a struct of this name */
#include <pcap/pcap.h>
#undef bpf_insn
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../include/flow.h"
#include "../user/source/source.h"

#define FRAMES_DEFAULT 100000
#define FRAME_MIN 14                              /* a test run takes no frame below an Ethernet header */
#define FRAME_MAX 3072                            /* and none that does not fit into a page with its headroom */
#define SHOWN_MAX 3                               /* differences that are printed of a source */

static const char *const capture_directories[] = { "build/captures", "../shared/pcaps" };

/* What the program in parse.bpf.c hands over; the same struct is there. */
struct parsed {
	struct packet packet;
	struct flow_key key;
	uint8_t from_high;
	uint8_t pad[3];
};
_Static_assert(sizeof(struct parsed) == 120, "shared with parse.bpf.c");

struct parity {
	struct bpf_object *object;
	int program;
	struct parsed *kernel;                    /* the program's map, in our memory */
	int passed, failed;
};

struct tally {
	const char *source;
	unsigned long frames, differ, turned, verdicts[PKT_VERDICTS];
};

/* ---- both parsers ---- */

/* What the parsers leave alone stays as it is here. */
static void poison(struct parsed *parsed)
{
	memset(parsed, 0xee, sizeof(*parsed));
}

/* In a heap block of exactly its size, so that a sanitizer sees a read behind it. */
static struct parsed parse_in_user_space(const uint8_t *frame, size_t len)
{
	uint8_t *exact = malloc(len);
	struct parsed parsed;

	if (!exact)
		abort();
	poison(&parsed);
	memcpy(exact, frame, len);
	packet_parse(exact, exact + len, &parsed.packet);
	parsed.from_high = flow_key_orient(&parsed.packet, &parsed.key);
	free(exact);
	return parsed;
}

static int parse_in_kernel(struct parity *parity, const uint8_t *frame, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (uint32_t)len, .repeat = 1);
	int err;

	poison(parity->kernel);
	err = bpf_prog_test_run_opts(parity->program, &run);
	return err ? err : run.retval == 2 ? 0 : -EPROTO; /* XDP_PASS */
}

static void show_difference(const struct parsed *user, const struct parsed *kernel, const uint8_t *frame, size_t len)
{
	const uint8_t *a = (const void *)user, *b = (const void *)kernel;

	printf("FAIL: ");
	for (size_t i = 0; i < len; i++)
		printf("%02x", frame[i]);
	printf("\n   user space verdict %u, kernel verdict %u; octets that differ:", user->packet.verdict, kernel->packet.verdict);
	for (size_t i = 0; i < sizeof(*user); i++)
		if (a[i] != b[i])
			printf(" %zu: %02x %02x", i, a[i], b[i]);
	printf("\n");
}

static void compare(struct parity *parity, struct tally *tally, const uint8_t *frame, size_t len)
{
	struct parsed user;
	int err;

	len = len < FRAME_MAX ? len : FRAME_MAX;
	if (len < FRAME_MIN)
		return;
	user = parse_in_user_space(frame, len);
	err = parse_in_kernel(parity, frame, len);
	tally->frames++;
	tally->turned += user.from_high;
	tally->verdicts[user.packet.verdict]++;
	if (!err && !memcmp(&user, parity->kernel, sizeof(user)))
		return;
	if (err)
		printf("FAIL: test run: %s\n", strerror(-err));
	else if (tally->differ < SHOWN_MAX)
		show_difference(&user, parity->kernel, frame, len);
	tally->differ++;
}

static void report(struct parity *parity, const struct tally *tally)
{
	printf("%s: %lu frames, %lu differ, %lu turned:", tally->source, tally->frames, tally->differ, tally->turned);
	for (int i = 0; i < PKT_VERDICTS; i++)
		if (tally->verdicts[i])
			printf(" %s %lu", packet_verdict_text[i], tally->verdicts[i]);
	printf("\n");
	parity->passed += tally->differ == 0;
	parity->failed += tally->differ != 0;
}

/* ---- frames of random layers ---- */

struct generator {
	uint64_t state;
	size_t len;
	uint8_t frame[FRAME_MAX];
};

/* Below `bound`; xorshift64. */
static unsigned random_below(struct generator *g, unsigned bound)
{
	g->state ^= g->state << 13;
	g->state ^= g->state >> 7;
	g->state ^= g->state << 17;
	return (unsigned)(g->state >> 33) % bound;
}

static bool one_in(struct generator *g, unsigned n)
{
	return !random_below(g, n);
}

static void put(struct generator *g, unsigned octet)
{
	if (g->len < FRAME_MAX)
		g->frame[g->len++] = (uint8_t)octet;
}

static void put_16(struct generator *g, unsigned value)
{
	put(g, value >> 8);
	put(g, value);
}

static void put_random(struct generator *g, unsigned count)
{
	while (count--)
		put(g, random_below(g, 256));
}

/* Few addresses and ports, so that two ends are often the same or differ in one place only. */
static void put_address(struct generator *g, unsigned len)
{
	unsigned at = random_below(g, len);

	for (unsigned i = 0; i < len; i++)
		put(g, i == at ? random_below(g, 3) << random_below(g, 8) : 0x80);
}

static void put_transport(struct generator *g, unsigned protocol)
{
	put_16(g, random_below(g, 3));
	put_16(g, random_below(g, 3));
	if (protocol == PKT_TCP) {
		put_random(g, 8);
		put(g, one_in(g, 4) ? random_below(g, 256) : 0x50);
		put_random(g, 7);
	}
	put_random(g, random_below(g, 40));
}

/* One extension header of `type` that announces `next`, which is returned. */
static unsigned put_extension(struct generator *g, unsigned type, unsigned next)
{
	unsigned units = one_in(g, 10) ? random_below(g, 60) : random_below(g, 3);

	put(g, next);
	put(g, type == 44 ? 0 : units);
	if (type == 44) {
		put_16(g, one_in(g, 3) ? random_below(g, 65536) : random_below(g, 8));
		put_random(g, 4);
	} else if (type == 51) {
		put_random(g, 6 + units * 4);
	} else {
		put_random(g, 6 + units * 8);
	}
	return next;
}

static unsigned random_protocol(struct generator *g)
{
	static const uint8_t protocols[] = { 6, 6, 6, 6, 6, 17, 17, 17, 17, 17, 1, 1, 58, 58, 47, 50, 59, 0, 51, 255 };

	return protocols[random_below(g, sizeof(protocols))];
}

/* Up to ten extension headers, behind `first_at`, where the number of the first one goes. */
static void put_chain(struct generator *g, size_t first_at, bool is_ip4)
{
	static const uint8_t types[] = { 0, 43, 44, 51, 60, 135, 139, 140 };
	unsigned count = one_in(g, 3) ? random_below(g, 11) : 0, last = random_protocol(g);
	unsigned type = count ? (is_ip4 ? 51 : types[random_below(g, sizeof(types))]) : last;

	if (first_at < g->len)
		g->frame[first_at] = (uint8_t)type;
	while (count--)
		type = put_extension(g, type, count ? (is_ip4 && one_in(g, 2) ? 51 : types[random_below(g, sizeof(types))]) : last);
	put_transport(g, last);
}

static void set_16(struct generator *g, size_t at, size_t value)
{
	if (at + 2 > g->len)
		return;
	g->frame[at] = (uint8_t)(value >> 8);
	g->frame[at + 1] = (uint8_t)value;
}

static void put_ip4(struct generator *g)
{
	size_t at = g->len;
	unsigned options = one_in(g, 3) ? random_below(g, 11) : 0;

	put(g, one_in(g, 20) ? 0x40 + random_below(g, 16) : 0x45 + options);
	put_random(g, 5);
	put_16(g, one_in(g, 3) ? random_below(g, 65536) : 0x4000 * random_below(g, 2));
	put_random(g, 4);
	put_address(g, 4);
	put_address(g, 4);
	put_random(g, 4 * options);
	put_chain(g, at + 9, true);
	set_16(g, at + 2, g->len - at);
}

static void put_ip6(struct generator *g)
{
	size_t at = g->len;

	put(g, 0x60 + random_below(g, 16));
	put_random(g, 7);
	put_address(g, 16);
	put_address(g, 16);
	put_chain(g, at + 6, false);
	set_16(g, at + 4, one_in(g, 10) ? 0 : g->len - at - 40);
}

static void put_labels(struct generator *g)
{
	for (unsigned count = random_below(g, 10); count--;) {
		put_random(g, 2);
		put(g, random_below(g, 256) & 0xfe);
		put(g, 64);
	}
	put_random(g, 2);
	put(g, random_below(g, 256) | 1);
	put(g, 64);
}

/* One layer below IP, with the EtherType that announces it. */
static void put_below(struct generator *g, bool is_ip4)
{
	static const uint16_t tags[] = { 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300 };
	unsigned ethertype = is_ip4 ? PKT_ETH_IP4 : PKT_ETH_IP6;

	for (unsigned count = one_in(g, 2) ? random_below(g, 10) : 0; count--;) {
		put_16(g, tags[random_below(g, 5)]);
		put_random(g, 2);
	}
	switch (random_below(g, 8)) {
	case 0:
		put_16(g, PKT_ETH_MPLS + random_below(g, 2));
		put_labels(g);
		break;
	case 1:
		put_16(g, PKT_ETH_PPPOE);
		put(g, 0x11);
		put(g, one_in(g, 8));
		put_random(g, 4);
		put_16(g, is_ip4 ? 0x21 : 0x57);
		break;
	case 2:
		put_16(g, random_below(g, 0x600));
		put_16(g, one_in(g, 8) ? 0x4242 : 0xaaaa);
		put(g, 3);
		put_16(g, 0);
		put(g, one_in(g, 8));
		put_16(g, ethertype);
		break;
	case 3:
		put_16(g, random_below(g, 0x600));
		put_16(g, 0x0606);
		put(g, 3);
		break;
	case 4:
		put_16(g, one_in(g, 4) ? random_below(g, 65536) : ethertype);
		break;
	default:
		put_16(g, ethertype);
	}
}

static void generate(struct generator *g)
{
	bool is_ip4 = one_in(g, 2);

	g->len = 0;
	put_random(g, 12);
	put_below(g, is_ip4);
	if (is_ip4)
		put_ip4(g);
	else
		put_ip6(g);
	if (g->len < FRAME_MIN)
		put_random(g, FRAME_MIN);
}

/* Bits turned, octets changed, numbers that lie, and a cut. */
static void mutate(struct generator *g)
{
	unsigned reach = (unsigned)(g->len < 120 ? g->len : 120);

	for (unsigned count = 1 + random_below(g, 3); count--;) {
		unsigned at = 12 + random_below(g, reach - 12);

		switch (random_below(g, 4)) {
		case 0: g->frame[at] ^= (uint8_t)(1 << random_below(g, 8)); break;
		case 1: g->frame[at] = (uint8_t)random_below(g, 256); break;
		case 2: set_16(g, at, random_below(g, 80)); break;
		default: set_16(g, at, 65535 - random_below(g, 3)); break;
		}
	}
	if (one_in(g, 2))
		g->len = FRAME_MIN + random_below(g, (unsigned)(g->len - FRAME_MIN) + 1);
}

static void run_generated(struct parity *parity, unsigned long frames, bool is_mutated)
{
	struct tally tally = { .source = is_mutated ? "mutated" : "generated" };
	static struct generator g;

	g.state = is_mutated ? 0x9e3779b97f4a7c15 : 0xd1b54a32d192ed03;
	while (tally.frames < frames) {
		generate(&g);
		if (is_mutated)
			mutate(&g);
		compare(parity, &tally, g.frame, g.len);
	}
	report(parity, &tally);
}

/* ---- frames of captures ---- */

/* Frames of any link type: to the parser they are octets. */
static void run_file(struct parity *parity, struct tally *tally, const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, error);
	struct pcap_pkthdr *header;
	const u_char *frame;

	if (!pcap)
		return;                           /* not a capture that libpcap reads */
	while (pcap_next_ex(pcap, &header, &frame) == 1)
		compare(parity, tally, frame, header->caplen);
	pcap_close(pcap);
}

static void run_directory(struct parity *parity, const char *directory)
{
	struct tally tally = { .source = directory };
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[4096];

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!strstr(entry->d_name, ".pcap"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		run_file(parity, &tally, path);
	}
	closedir(dir);
	if (tally.frames)
		report(parity, &tally);
}

/* ---- the program ---- */

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
}

/* 0 or -errno. */
static int open_program(struct parity *parity, const char *path)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int err;

	libbpf_set_print(quiet);
	parity->object = bpf_object__open_file(path, NULL);
	if (!parity->object)
		return -errno;
	err = bpf_object__load(parity->object);
	if (err)
		return err;
	program = bpf_object__find_program_by_name(parity->object, "parse");
	map = bpf_object__find_map_by_name(parity->object, "parsed");
	if (!program || !map || bpf_map__value_size(map) != sizeof(struct parsed))
		return -EPROTO;
	parity->program = bpf_program__fd(program);
	parity->kernel = mmap(NULL, sizeof(struct parsed), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	return parity->kernel == MAP_FAILED ? -errno : 0;
}

static unsigned long frames_wanted(int argc, char **argv)
{
	const char *text = argc > 2 ? argv[2] : getenv("PARITY_FRAMES");

	return text ? strtoul(text, NULL, 10) : FRAMES_DEFAULT;
}

int main(int argc, char **argv)
{
	struct parity parity = { 0 };
	unsigned long frames = frames_wanted(argc, argv);
	int err;

	if (argc < 2 || argc > 3 || frames < 2) {
		fprintf(stderr, "usage: parity OBJECT [FRAMES]\n");
		return 2;
	}
	err = open_program(&parity, argv[1]);
	if (err == -EPERM) {                      /* -EACCES is the verifier's, and a fault */
		printf("loading a BPF program is not permitted here: CAP_BPF and CAP_NET_ADMIN are needed\n0 passed, 0 failed, 1 skipped\n");
		bpf_object__close(parity.object);
		return 0;
	}
	if (err) {
		printf("FAIL: %s: %s\n0 passed, 1 failed\n", argv[1], strerror(-err));
		bpf_object__close(parity.object);
		return 1;
	}
	run_generated(&parity, frames / 2, false);
	run_generated(&parity, frames - frames / 2, true);
	for (size_t i = 0; i < sizeof(capture_directories) / sizeof(capture_directories[0]); i++)
		run_directory(&parity, capture_directories[i]);
	bpf_object__close(parity.object);
	printf("%d passed, %d failed\n", parity.passed, parity.failed);
	return parity.failed ? 1 : 0;
}
