/* SPDX-License-Identifier: Apache-2.0 */
/* test_xdp_filter.c - the programs with a filter, run in the kernel over thousands of frames, take what libpcap takes: at XDP, at TC,
 * with the tag in the metadata, and without Ethernet header. Needs root; XDP_FILTER_FRAMES (2000) says how many random frames. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#define bpf_insn pcap_insn                        /* both libraries have a struct of this name */
#include <pcap/pcap.h>
#undef bpf_insn
int compile_or_take(pcap_t *pcap, struct bpf_program *out, const char *text, int optimize, bpf_u_int32 netmask);
#define pcap_compile compile_or_take              /* hand-made programs come in through it */
#include "../user/source/xdp_filter.c"
#undef pcap_compile
#include "../user/source/xdp.h"
#include "captures/blob.c"
#include "captures/frame.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define FRAME_MIN 14                              /* a test run takes no frame below an Ethernet header */
#define FRAME_MAX 3000                            /* and at TC none that does not fit into a page with its headroom */
#define BIG_FRAMES 20                             /* that XDP sees in several pieces */
#define CAPTURE_FRAMES_MAX 20000
#define SHOWN_MAX 3
#define TAG_AT 12                                 /* IEEE 802.1Q: behind both MACs */

enum hook { HOOK_XDP, HOOK_TC, HOOK_TC_8021Q, HOOK_TC_8021AD, HOOK_TC_L3, HOOKS };
static const char *const hook_text[HOOKS] = { "XDP", "TC", "TC, 802.1Q tag in the metadata", "TC, 802.1ad tag in the metadata", "TC, no Ethernet header" };
static const struct { uint16_t protocol, tci; } hook_tags[HOOKS] = { [HOOK_TC_8021Q] = { 0x8100, 0x6064 }, [HOOK_TC_8021AD] = { 0x88a8, 0x0007 } };

struct octets { size_t len; uint8_t *at; };

struct frames { struct octets *rows; size_t count; uint64_t random; };

struct rig {
	struct xdp_object x;
	int runs[HOOKS];                          /* programs to run; -1: the filter is not for this hook */
	int tails;                                /* the programs that those which push a tag go on to */
	size_t value_size;                        /* of the map `meters` */
	pcap_t *dead[HOOKS];
	struct bpf_program programs[HOOKS];       /* what libpcap says */
};

/* A program that is compiled from no text. */
static const struct bpf_program *hand_made;
static const char hand_made_text[] = "hand made";

int compile_or_take(pcap_t *pcap, struct bpf_program *out, const char *text, int optimize, bpf_u_int32 netmask)
{
	size_t size;

	if (strcmp(text, hand_made_text))
		return pcap_compile(pcap, out, text, optimize, netmask);
	size = hand_made->bf_len * sizeof(*out->bf_insns);
	out->bf_len = hand_made->bf_len;
	out->bf_insns = malloc(size);             /* pcap_freecode() frees it */
	assert_non_null(out->bf_insns);
	memcpy(out->bf_insns, hand_made->bf_insns, size);
	return 0;
}

/* ---- frames ---- */

/* Below `bound`; xorshift64. */
static unsigned below(struct frames *frames, unsigned bound)
{
	frames->random ^= frames->random << 13;
	frames->random ^= frames->random >> 7;
	frames->random ^= frames->random << 17;
	return (unsigned)(frames->random >> 33) % bound;
}

#define ANY(frames, ...) ((const char *const[]){ __VA_ARGS__ }[below(frames, COUNT(((const char *const[]){ __VA_ARGS__ })))])
#define ANY_NUMBER(frames, ...) ((const unsigned[]){ __VA_ARGS__ }[below(frames, COUNT(((const unsigned[]){ __VA_ARGS__ })))])
#define ANY_MAC(frames) ANY(frames, "02:00:00:00:00:0a", "02:00:00:00:00:0b", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb", "33:33:00:00:00:fb")
#define ANY_4(frames) ANY(frames, "10.0.0.1", "10.0.0.2", "10.0.1.3", "192.0.2.9", "224.0.0.251", "255.255.255.255")
#define ANY_6(frames) ANY(frames, "2001:db8::1", "2001:db8::2", "2001:db8:1::3", "fe80::1", "ff02::fb")
#define ANY_PORT(frames) ANY_NUMBER(frames, 22, 53, 67, 80, 443, 1023, 1024, 5353, 8080, 40000)

static void add(struct frames *frames, const uint8_t *octets, size_t len)
{
	uint8_t *copy = malloc(len);

	frames->rows = realloc(frames->rows, (frames->count + 1) * sizeof(*frames->rows));
	assert_non_null(copy);
	assert_non_null(frames->rows);
	memcpy(copy, octets, len);
	frames->rows[frames->count++] = (struct octets){ len, copy };
}

static void add_transport(struct frames *frames, struct frame *f)
{
	switch (below(frames, 8)) {
	case 0: case 1: case 2: tcp(f, ANY_PORT(frames), ANY_PORT(frames), below(frames, 64), below(frames, 1000), below(frames, 1000)); break;
	case 3: case 4: udp(f, ANY_PORT(frames), ANY_PORT(frames)); break;
	case 5: icmp4(f, ANY_NUMBER(frames, 0, 3, 8, 11), below(frames, 4), 0); break;
	case 6: icmp6(f, ANY_NUMBER(frames, 1, 128, 129, 135), 0, 0); break;
	default: other(f, ANY_NUMBER(frames, 2, 47, 50, 51, 89, 112, 132));
	}
	payload_fill(f, (uint8_t)below(frames, 256), below(frames, 4) ? below(frames, 60) : below(frames, 1400));
}

static void add_network(struct frames *frames, struct frame *f)
{
	switch (below(frames, 10)) {
	case 0: arp(f, ANY_MAC(frames), ANY_4(frames), ANY_4(frames)); break;
	case 1: other(f, ANY_NUMBER(frames, 0x88cc, 0x86dd, 0x8137, 0x80f3, 0x8035)); payload_fill(f, 3, below(frames, 60)); break;
	case 2: ipv4_options(f, ANY_4(frames), ANY_4(frames), 4 * (1 + below(frames, 10))); add_transport(frames, f); break;
	case 3: ipv6(f, ANY_6(frames), ANY_6(frames));
		if (below(frames, 2))
			extension(f, ANY_NUMBER(frames, 0, 60), below(frames, 3));
		else
			fragment_header(f, 7, below(frames, 2) * 64, below(frames, 2));
		add_transport(frames, f);
		break;
	case 4: case 5: ipv6(f, ANY_6(frames), ANY_6(frames)); add_transport(frames, f); break;
	default: ipv4(f, ANY_4(frames), ANY_4(frames)); add_transport(frames, f);
	}
}

/* Fragments, and what lies: some octets changed, the end cut off. */
static void damage(struct frames *frames, struct frame *f)
{
	if (!below(frames, 8) && f->b.len > 22)
		f->b.octets[20 + below(frames, 2)] = (uint8_t)below(frames, 256);
	for (unsigned i = below(frames, 4) ? 0 : below(frames, 4); i; i--)
		f->b.octets[below(frames, f->b.len < 80 ? (unsigned)f->b.len : 80)] = (uint8_t)below(frames, 256);
	if (!below(frames, 6))
		f->b.len = FRAME_MIN + below(frames, (unsigned)f->b.len - FRAME_MIN);
}

static void add_random(struct frames *frames, struct frame *f)
{
	frame_begin(f);
	ethernet(f, ANY_MAC(frames), ANY_MAC(frames));
	for (unsigned i = below(frames, 4) ? 0 : 1 + below(frames, 2); i; i--)
		vlan(f, ANY_NUMBER(frames, 0x8100, 0x88a8, 0x9100), ANY_NUMBER(frames, 5, 7, 100));
	if (!below(frames, 10))
		mpls(f, below(frames, 3), true);
	else if (!below(frames, 10))
		pppoe(f, below(frames, 3));
	add_network(frames, f);
	frame_end(f);
	damage(frames, f);
	add(frames, f->b.octets, f->b.len);
}

static void add_big(struct frames *frames, struct frame *f)
{
	frame_begin(f);
	ethernet(f, ANY_MAC(frames), ANY_MAC(frames));
	ipv4(f, ANY_4(frames), ANY_4(frames));
	udp(f, ANY_PORT(frames), ANY_PORT(frames));
	while (f->b.len < 8900)
		blob_32(&f->b, below(frames, 1u << 20) * 4099);
	frame_end(f);
	f->b.len -= below(frames, 5000);
	add(frames, f->b.octets, f->b.len);
}

/* What the test captures hold, when they were made (make captures). */
static void add_captures(struct frames *frames, const char *directory)
{
	DIR *listing = opendir(directory);
	char path[512], error[PCAP_ERRBUF_SIZE];
	struct dirent *entry;

	while (listing && (entry = readdir(listing))) {
		struct pcap_pkthdr *header;
		const u_char *octets;
		pcap_t *pcap;

		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		pcap = pcap_open_offline(path, error);
		while (pcap && pcap_datalink(pcap) == DLT_EN10MB && frames->count < CAPTURE_FRAMES_MAX && pcap_next_ex(pcap, &header, &octets) == 1)
			if (header->caplen >= FRAME_MIN && header->caplen <= FRAME_MAX)
				add(frames, octets, header->caplen);
		if (pcap)
			pcap_close(pcap);
	}
	if (listing)
		closedir(listing);
}

static size_t random_frames(void)
{
	const char *text = getenv("XDP_FILTER_FRAMES");

	return text ? strtoul(text, NULL, 10) : 2000;
}

static struct frames *make_frames(size_t count, bool with_captures)
{
	struct frames *frames = calloc(1, sizeof(*frames));
	struct frame *f = malloc(sizeof(*f));

	assert_non_null(frames);
	assert_non_null(f);
	frames->random = 88172645463325252u;
	while (frames->count < count)
		add_random(frames, f);
	for (int i = 0; i < BIG_FRAMES; i++)
		add_big(frames, f);
	if (with_captures)
		add_captures(frames, "build/captures");
	free(f);
	return frames;
}

static void free_frames(struct frames *frames)
{
	for (size_t i = 0; i < frames->count; i++)
		free(frames->rows[i].at);
	free(frames->rows);
	free(frames);
}

/* ---- the programs ---- */

/* At TC a test run cannot bring a tag along: this program pushes one and goes on to the real one. */
static int load_pusher(const struct rig *rig, enum hook hook)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 },
		{ .code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 2, .imm = __builtin_bswap16(hook_tags[hook].protocol) },
		{ .code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 3, .imm = hook_tags[hook].tci },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_vlan_push },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6 },
		{ .code = BPF_LD | BPF_DW, .dst_reg = 2, .src_reg = BPF_PSEUDO_MAP_FD, .imm = rig->tails },
		{ .code = 0 },
		{ .code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call },
		{ .code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 99 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "push", "GPL", insns, COUNT(insns), NULL);
}

static void load_pushers(struct rig *rig)
{
	rig->tails = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "tails", 4, 4, 1, NULL);
	assert_true(rig->tails >= 0);
	assert_int_equal(bpf_map_update_elem(rig->tails, &(int){ 0 }, &rig->x.programs[XDP_PROGRAM_TC], BPF_ANY), 0);
	rig->runs[HOOK_TC_8021Q] = load_pusher(rig, HOOK_TC_8021Q);
	rig->runs[HOOK_TC_8021AD] = load_pusher(rig, HOOK_TC_8021AD);
	assert_true(rig->runs[HOOK_TC_8021Q] >= 0 && rig->runs[HOOK_TC_8021AD] >= 0);
}

static void open_rig(struct rig *rig, const char *text)
{
	struct xdp_sizes sizes = { .set_bits = 4, .victim_ring = 4096, .name_ring = 4096, .hello_ring = 4096, .filter = text };

	memset(rig, 0, sizeof(*rig));
	if (xdp_object_open(&rig->x, &sizes))
		fail_msg("--filter %s: the programs do not load", text);
	rig->value_size = bpf_map__value_size(bpf_object__find_map_by_name(rig->x.object, "meters"));
	rig->runs[HOOK_XDP] = rig->x.programs[XDP_PROGRAM_XDP];
	rig->runs[HOOK_TC] = rig->x.programs[XDP_PROGRAM_TC];
	rig->runs[HOOK_TC_L3] = rig->x.programs[XDP_PROGRAM_TC_L3];
	load_pushers(rig);
	for (int hook = 0; hook < HOOKS; hook++) {
		rig->dead[hook] = pcap_open_dead(hook == HOOK_TC_L3 ? DLT_RAW : DLT_EN10MB, SNAPLEN);
		if (compile_or_take(rig->dead[hook], &rig->programs[hook], text, 1, PCAP_NETMASK_UNKNOWN))
			assert_int_equal(hook, HOOK_TC_L3);
	}
}

static void close_rig(struct rig *rig)
{
	close(rig->runs[HOOK_TC_8021Q]);
	close(rig->runs[HOOK_TC_8021AD]);
	close(rig->tails);
	for (int hook = 0; hook < HOOKS; hook++) {
		pcap_freecode(&rig->programs[hook]);
		pcap_close(rig->dead[hook]);
	}
	xdp_object_close(&rig->x);
}

/* ---- what each says ---- */

static uint64_t packets_seen(const struct rig *rig)
{
	size_t stride = (rig->value_size + 7) / 8 * 8;
	uint8_t values[256 * 1024];
	uint64_t seen = 0;

	assert_true(stride * rig->x.cpus <= sizeof(values));
	assert_int_equal(bpf_map_lookup_elem(rig->x.meters, &(uint32_t){ 0 }, values), 0);
	for (unsigned cpu = 0; cpu < rig->x.cpus; cpu++)
		seen += ((const struct meter_counters *)(const void *)(values + cpu * stride))->seen;
	return seen;
}

/* False: a test run takes no such frame (at TC none that ends within its IP header). */
static bool run(const struct rig *rig, enum hook hook, const uint8_t *frame, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (uint32_t)len, .repeat = 1);

	if (bpf_prog_test_run_opts(rig->runs[hook], &run)) {
		assert_int_equal(errno, EINVAL);
		return false;
	}
	assert_int_equal(run.retval, hook == HOOK_XDP ? 2 : UINT32_MAX); /* XDP_PASS, TCX_NEXT */
	return true;
}

/* The frame as it is on the wire, tag included, in a heap block of exactly its size. */
static bool libpcap_takes(const struct rig *rig, enum hook hook, const uint8_t *frame, size_t len)
{
	size_t tag = hook_tags[hook].protocol ? 4 : 0;
	uint8_t *whole = malloc(len + tag);
	struct pcap_pkthdr header = { .len = (bpf_u_int32)(len + tag), .caplen = (bpf_u_int32)(len + tag) };
	bool takes;

	assert_non_null(whole);
	memcpy(whole, frame, TAG_AT);
	if (tag) {
		put_16(whole + TAG_AT, hook_tags[hook].protocol);
		put_16(whole + TAG_AT + 2, hook_tags[hook].tci);
	}
	memcpy(whole + TAG_AT + tag, frame + TAG_AT, len - TAG_AT);
	takes = pcap_offline_filter(&rig->programs[hook], &header, whole);
	free(whole);
	return takes;
}

static void show(const char *text, enum hook hook, const struct octets *frame, bool takes)
{
	printf("# %s, %s: libpcap %s it, the kernel does not:\n# ", text, hook_text[hook], takes ? "takes" : "refuses");
	for (size_t i = 0; i < frame->len && i < 120; i++)
		printf("%02x", frame->at[i]);
	printf("\n");
}

struct tally { size_t frames, not_run, taken, differ; };

static void compare(const struct rig *rig, const char *text, enum hook hook, const struct frames *frames, struct tally *tally)
{
	uint64_t seen = packets_seen(rig), next;

	for (size_t i = 0; i < frames->count; i++) {
		struct octets frame = frames->rows[i];
		bool takes;

		if ((hook == HOOK_TC_L3 && frame.len < 2 * FRAME_MIN) || (hook != HOOK_XDP && frame.len > FRAME_MAX))
			continue;
		if (hook == HOOK_TC_L3)
			frame = (struct octets){ frame.len - FRAME_MIN, frame.at + FRAME_MIN };
		if (!run(rig, hook, frame.at, frame.len)) {
			tally->not_run++;
			continue;
		}
		takes = libpcap_takes(rig, hook, frame.at, frame.len);
		next = packets_seen(rig);
		tally->frames++;
		tally->taken += takes;
		if (next - seen != takes && tally->differ++ < SHOWN_MAX)
			show(text, hook, &frame, takes);
		seen = next;
	}
}

static void compare_everywhere(const char *text, const struct frames *frames, struct tally *tally)
{
	struct rig rig;

	open_rig(&rig, text);
	for (int hook = 0; hook < HOOKS; hook++)
		if (rig.runs[hook] >= 0)
			compare(&rig, text, (enum hook)hook, frames, tally);
	close_rig(&rig);
}

/* ---- tests ---- */

static const char *const expressions[] = {
	"ip", "ip6", "arp", "rarp", "icmp", "icmp6", "tcp", "udp", "igmp", "sctp", "esp", "ah", "vrrp",
	"host 10.0.0.1", "src host 10.0.0.2", "dst host 10.0.0.2", "ip host 10.0.0.1", "host 2001:db8::1", "src host fe80::1",
	"not host 10.0.0.1", "host 10.0.0.1 or host 10.0.1.3", "src 10.0.0.1 and dst 10.0.0.2", "arp host 10.0.0.1",
	"net 10.0.0.0/24", "src net 10.0.0.0/16", "dst net 224.0.0.0/4", "net 10.0.1", "net 2001:db8::/32", "not net 10.0.0.0/8", "net 0.0.0.0/0",
	"port 53", "src port 443", "dst port 443", "tcp port 80", "udp port 53", "tcp src port 22", "portrange 1-1023", "tcp dst portrange 80-443",
	"udp portrange 5000-6000", "not port 22", "port 80 or port 443 or port 8080", "sctp port 80",
	"ip proto \\icmp", "ip proto 47", "ip6 proto 58", "proto 17", "ether proto 0x88cc", "ether proto \\ip",
	"tcp[13] & 2 != 0", "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0", "tcp[tcpflags] == tcp-syn", "tcp[tcpflags] & tcp-rst != 0 and port 80",
	"ip[8] < 5", "ip[8] == 64", "ip[0] & 0xf != 5", "ip[6:2] & 0x1fff != 0", "ip6[6] = 58", "icmp[icmptype] = icmp-echo", "icmp6[0] = 135",
	"udp[4:2] > 60", "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", "((ip[2:2] - ((ip[0] & 0xf) << 2)) - ((tcp[12] & 0xf0) >> 2)) != 0",
	"ip[2:2] > 100", "ip[ip[0] & 0xf] = 0", "ether[ether[14] & 15] = 0", "ether[ether[14] & 15:2] > 10", "ether[ether[14] & 15:4] > 0x2000000",
	"ip[2:2] * 3 / 2 > 200", "len % 7 = 3", "ip[1] ^ 3 = 3", "ip[8] << 2 > 100", "1000 / ip[1] > 3", "1 << ip[8] != 0", "ip[2:2] >> ip[1] > 3",
	"ether host 02:00:00:00:00:0a", "ether src 02:00:00:00:00:0a", "ether dst 02:00:00:00:00:0b", "ether broadcast", "ether multicast", "broadcast",
	"multicast", "ip multicast", "ip6 multicast", "ether[0] & 1 = 0", "ether[12:2] = 0x800", "ether[10:4] & 0x100 != 0",
	"ether[12] = 8", "ether[11:2] & 8 = 0", "ether[9:4] & 8 = 0", "ether[15:2] > 0x1ff", "ether[14] & 1 = 0", "ether[13] = 0", "ether[2900] & 1 = 1",
	"ether[3390:4] & 1 = 1", "ether[4094:4] & 1 = 0", "ether[5000:2] > 0x8000", "ether[ether[5000] + 4000] > 100", "greater 7000",
	"greater 200", "less 64", "len = 60", "len <= 100 and udp",
	"vlan", "vlan 100", "vlan 5 or vlan 7", "vlan and host 10.0.0.1", "vlan and vlan 7", "vlan and ip6 and tcp port 443", "not vlan", "ip or vlan 100",
	"mpls", "mpls 1 and host 10.0.0.1", "pppoes", "pppoes and ip", "pppoed", "vlan and mpls",
	"tcp and (port 80 or port 443) and not host 10.0.0.1 and net 10.0.0.0/8",
	"(tcp or udp) and (src net 10.0.0.0/8 or ip6) and not (port 22 or port 53)",
	"(host 10.0.0.1 and port 53) or (host 10.0.0.2 and not (tcp or icmp)) or (ip6 and udp and portrange 5000-6000)",
	"not (not (not tcp))", "ip and not tcp and not udp and not icmp", "ip[6] & 0x20 != 0 or ip[6:2] & 0x1fff != 0",
	"tcp port 443 and (tcp[((tcp[12] & 0xf0) >> 2)] = 0x16)", "llc", "iso", "ether proto 0x8100", "geneve", "decnet host 1.2", "",
};

static void each_expression_takes_what_libpcap_takes(void **state)
{
	struct frames *frames;
	struct tally tally = { 0 };
	size_t always = 0, never = 0;

	(void)state;
	if (geteuid())
		skip();
	frames = make_frames(random_frames(), true);
	for (size_t i = 0; i < COUNT(expressions); i++) {
		struct tally one = { 0 };

		compare_everywhere(expressions[i], frames, &one);
		always += one.taken == one.frames;
		never += !one.taken;
		if (!one.taken || one.differ)
			printf("# %s: %zu frames, %zu taken, %zu differ\n", expressions[i], one.frames, one.taken, one.differ);
		tally.frames += one.frames;
		tally.not_run += one.not_run;
		tally.taken += one.taken;
		tally.differ += one.differ;
	}
	printf("# %zu expressions (%zu take all, %zu nothing), %zu frames: %zu runs, %zu more not possible, %zu taken, %zu differ\n", COUNT(expressions),
	       always, never, frames->count, tally.frames, tally.not_run, tally.taken, tally.differ);
	free_frames(frames);
	assert_int_equal(tally.differ, 0);
	assert_true(tally.not_run < tally.frames / 10);
	assert_true(tally.taken > tally.frames / 20 && tally.taken < tally.frames / 2);
	assert_true(random_frames() < 1000 || always + never <= COUNT(expressions) / 10);
}

/* A valid program of every instruction that classic BPF has. Its numbers are small, so that it mostly reads within the frame. */
static struct pcap_insn random_insn(struct frames *random, size_t at, size_t count)
{
	static const u_short codes[] = {
		BPF_LD | BPF_IMM, BPF_LD | BPF_W | BPF_LEN, BPF_LD | BPF_MEM, BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_H | BPF_ABS,
		BPF_LD | BPF_B | BPF_ABS, BPF_LD | BPF_W | BPF_IND, BPF_LD | BPF_H | BPF_IND, BPF_LD | BPF_B | BPF_IND, BPF_LDX | BPF_IMM,
		BPF_LDX | BPF_W | BPF_LEN, BPF_LDX | BPF_MEM, BPF_LDX | BPF_B | BPF_MSH, BPF_ST, BPF_STX, BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA, BPF_ALU | BPF_NEG, BPF_ALU | BPF_ADD, BPF_ALU | BPF_SUB | BPF_K, BPF_ALU | BPF_MUL | BPF_K,
		BPF_ALU | BPF_DIV | BPF_K, BPF_ALU | BPF_MOD | BPF_K, BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_OR | BPF_K,
		BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_RSH | BPF_K, BPF_ALU | BPF_ADD | BPF_X,
		BPF_ALU | BPF_SUB | BPF_X, BPF_ALU | BPF_MUL | BPF_X, BPF_ALU | BPF_DIV | BPF_X, BPF_ALU | BPF_MOD | BPF_X,
		BPF_ALU | BPF_AND | BPF_X, BPF_ALU | BPF_OR | BPF_X, BPF_ALU | BPF_XOR | BPF_X, BPF_ALU | BPF_LSH | BPF_X,
		BPF_ALU | BPF_RSH | BPF_X, BPF_JMP | BPF_JA, BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JGT | BPF_K, BPF_JMP | BPF_JGE | BPF_K,
		BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JEQ | BPF_X, BPF_JMP | BPF_JGT | BPF_X, BPF_JMP | BPF_JGE | BPF_X, BPF_JMP | BPF_JSET | BPF_X,
	};
	struct pcap_insn insn = { .code = codes[below(random, COUNT(codes))], .k = 1 + below(random, 30) };
	unsigned left = (unsigned)(count - at - 2);

	if (BPF_CLASS(insn.code) == BPF_JMP) {
		insn.jt = (u_char)below(random, left < 4 ? left + 1 : 4);
		insn.jf = (u_char)below(random, left < 4 ? left + 1 : 4);
		insn.k = BPF_OP(insn.code) == BPF_JA ? below(random, left < 3 ? left + 1 : 3) : below(random, 2) ? insn.k : below(random, 1u << 30) * 4;
	} else if (BPF_CLASS(insn.code) == BPF_ST || BPF_CLASS(insn.code) == BPF_STX || BPF_MODE(insn.code) == BPF_MEM) {
		insn.k = below(random, 4);
	} else if (insn.code == (BPF_ALU | BPF_AND | BPF_K) || insn.code == (BPF_LD | BPF_IMM)) {
		insn.k = below(random, 4) ? insn.k : below(random, 1u << 30) * 4 + 3;
	}
	return insn;
}

static void make_random_program(struct frames *random, struct bpf_program *program)
{
	struct pcap_insn *insns = program->bf_insns;
	size_t count = 20 + below(random, 40), at = 0;

	for (unsigned word = 0; word < 4; word++) { /* libpcap does not clear them */
		insns[at++] = (struct pcap_insn){ .code = BPF_LD | BPF_IMM, .k = word * 77 };
		insns[at++] = (struct pcap_insn){ .code = BPF_ST, .k = word };
	}
	for (; at < count - 3; at++)
		insns[at] = random_insn(random, at, count - 2);
	insns[at++] = (struct pcap_insn){ .code = BPF_ALU | BPF_XOR | BPF_X };
	insns[at++] = (struct pcap_insn){ .code = BPF_ALU | BPF_AND | BPF_K, .k = below(random, 2) ? 1 : 0x8000 };
	insns[at++] = below(random, 8) ? (struct pcap_insn){ .code = BPF_RET | BPF_A } : (struct pcap_insn){ .code = BPF_RET | BPF_K, .k = 1 };
	program->bf_len = (u_int)at;
	assert_true(bpf_validate(insns, (int)at));
}

static void each_instruction_of_classic_bpf_does_what_it_does_in_libpcap(void **state)
{
	struct pcap_insn insns[64];
	struct bpf_program program = { .bf_insns = insns };
	struct frames *frames, random = { .random = 362436069362436069u };
	struct tally tally = { 0 };

	(void)state;
	if (geteuid())
		skip();
	frames = make_frames(200, false);
	hand_made = &program;
	for (int i = 0; i < 100; i++) {
		make_random_program(&random, &program);
		compare_everywhere(hand_made_text, frames, &tally);
	}
	printf("# 100 random programs: %zu runs, %zu taken, %zu differ\n", tally.frames, tally.taken, tally.differ);
	free_frames(frames);
	assert_int_equal(tally.differ, 0);
	assert_true(tally.taken > tally.frames / 10 && tally.taken < tally.frames * 9 / 10);
}

static void what_the_kernel_cannot_do_is_refused(void **state)
{
	static const struct pcap_insn extension[] = { { BPF_LD | BPF_B | BPF_ABS, 0, 0, (u_int)SKF_AD_OFF + SKF_AD_PKTTYPE }, { BPF_RET | BPF_A, 0, 0, 0 } };
	static const struct bpf_program program = { COUNT(extension), (struct pcap_insn *)(uintptr_t)extension };
	static const struct { const char *text; int err; } rows[] = {
		{ NULL, 0 }, { "", 0 }, { "host 10.0.0.1", 0 }, { "vlan 5 and tcp port 80", 0 }, { "len > 5000", 0 },
		{ "inbound", -EINVAL }, { "outbound and tcp", -EINVAL }, { "ifname eth0", -EINVAL }, { "ip6 protochain 6", -EINVAL },
		{ "ip proto", -EINVAL }, { "type mgt", -EINVAL }, { "ip and arp", -EINVAL }, { hand_made_text, -EINVAL },
	};

	(void)state;
	hand_made = &program;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(xdp_filter_check(rows[i].text), rows[i].err);
}

static void a_filter_that_is_too_long_is_refused(void **state)
{
	struct blob *text = calloc(1, sizeof(*text));
	char one[64];
	int nets = 0, err = 0;

	(void)state;
	assert_non_null(text);
	for (; !err && nets < 200; nets++) {
		snprintf(one, sizeof(one), "%snet 10.%d.0.0/24", nets ? " or " : "", nets);
		blob_text(text, one);
		err = xdp_filter_check((char *)text->octets);
	}
	free(text);
	printf("# refused with %d nets\n", nets);
	assert_int_equal(err, -EINVAL);
	assert_true(nets > 90);
}

static void an_object_file_without_the_place_is_told(void **state)
{
	uint8_t object[sizeof(Elf64_Ehdr)] = { 0x7f, 'E', 'L', 'F' };
	bool fits_l3;

	(void)state;
	assert_int_equal(xdp_filter_splice(object, sizeof(object), "ip", &fits_l3), -ENOEXEC);
	memset(object, 0xff, sizeof(object));
	assert_int_equal(xdp_filter_splice(object, sizeof(object), "ip", &fits_l3), -ENOEXEC);
	assert_int_equal(xdp_filter_splice(object, 3, "ip", &fits_l3), -ENOEXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_expression_takes_what_libpcap_takes),
		cmocka_unit_test(each_instruction_of_classic_bpf_does_what_it_does_in_libpcap),
		cmocka_unit_test(what_the_kernel_cannot_do_is_refused),
		cmocka_unit_test(a_filter_that_is_too_long_is_refused),
		cmocka_unit_test(an_object_file_without_the_place_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
