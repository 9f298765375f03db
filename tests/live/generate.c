/* SPDX-License-Identifier: Apache-2.0 */
/* generate.c - sends exactly N packets as fast as they can be made, by live XDP frames (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18):
 * generate -i INTERFACE -n PACKETS [-f FLOWS] [-k udp|talk|syn|dns] [-l OCTETS] [-t THREADS] [-r PACKETS_PER_SECOND].
 *
 * Thread i runs on CPU i. The peer of a veth takes such frames only with NAPI on: with an XDP program, or with GRO. Prints
 * "sent COUNT" and ends with status 0 when all were handed to the interface.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "generate.h"

#define NS_PER_S 1000000000ull
#define THREADS_MAX 64
#define CHUNK 1000000u                            /* frames a system call; each call waits for a grace period of RCU */
#define CHUNKS_PER_S 20                           /* with a rate */

/* $(BUILD)/tests/generate.bpf.o */
__asm__(".section .rodata\n.balign 8\n.global object_start, object_end\n"
	"object_start:\n.incbin \"" GENERATE_OBJECT "\"\nobject_end:\n.previous\n");
extern const uint8_t object_start[], object_end[];

struct options {
	const char *interface;
	uint64_t packets, rate;                   /* rate 0: as fast as it goes */
	uint32_t flows, kind;
	int len, threads;
};

struct share {                                    /* of one thread */
	const struct options *options;
	int cpu, program, states;                 /* descriptors of the program and its map */
	uint64_t first, count, rate;
	pthread_t thread;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "generate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void wait_until(uint64_t ns)
{
	const struct timespec at = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* What all frames of a kind share; a broadcast, so that every receiver takes it. */
static void fill_frame(uint8_t *frame, const struct options *o)
{
	unsigned ip_len = o->kind == GENERATE_SYN ? 40 : (unsigned)o->len - IP_AT;

	memset(frame, 0, (size_t)o->len);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\2\0\0\0\0\1\x08\0\x45", 9); /* MAC, IPv4, no options */
	put16(frame + 16, ip_len);
	frame[22] = 64;
	frame[23] = o->kind == GENERATE_SYN ? 6 : 17;
	if (o->kind == GENERATE_SYN)
		memcpy(frame + 46, "\x50\2\xff\xff", 4); /* data offset 5, SYN, window */
	else
		put16(frame + 38, ip_len - 20);
	if (o->kind == GENERATE_DNS) {            /* one question for A; one answer, an hour, 203.0.113.1 */
		memcpy(frame + 46, "\0\1\0\0\0\0\0\0\x08xxxxxxxx\7example\0\0\1\0\1", 30);
		memcpy(frame + 76, "\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\xcb\0\x71\1", 16);
	}
}

static void load(const struct options *o, struct share *shares)
{
	struct bpf_object *object = bpf_object__open_mem(object_start, (size_t)(object_end - object_start), NULL);
	struct generate_plan *plan;
	size_t size;

	if (!object)
		die("open");
	plan = (struct generate_plan *)(uintptr_t)bpf_map__initial_value(bpf_object__find_map_by_name(object, ".rodata"), &size);
	*plan = (struct generate_plan){ if_nametoindex(o->interface), o->flows, o->kind };
	if (!plan->interface)
		die(o->interface);
	if (bpf_object__load(object))
		die("load");
	for (int i = 0; i < o->threads; i++) {
		shares[i].program = bpf_program__fd(bpf_object__find_program_by_name(object, "generate"));
		shares[i].states = bpf_object__find_map_fd_by_name(object, "states");
	}
}

/* The state of every CPU is written and read at once. */
static struct generate_state *new_states(void)
{
	struct generate_state *states = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*states));

	if (!states)
		die("memory");
	return states;
}

static void set_first(const struct options *o, const struct share *shares)
{
	struct generate_state *states = new_states();

	for (int i = 0; i < o->threads; i++)
		states[i].next = shares[i].first;
	if (bpf_map_update_elem(shares[0].states, &(uint32_t){ 0 }, states, BPF_ANY))
		die("states");
	free(states);
}

static uint64_t sent_by_all(int map)
{
	struct generate_state *states = new_states();
	uint64_t sent = 0;

	if (bpf_map_lookup_elem(map, &(uint32_t){ 0 }, states))
		die("states");
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sent += states[i].sent;
	free(states);
	return sent;
}

static void *send_share(void *argument)
{
	const struct share *share = argument;
	uint64_t start_ns = now_ns(), chunk = share->rate && share->rate / CHUNKS_PER_S < CHUNK ? share->rate / CHUNKS_PER_S + 1 : CHUNK;
	uint8_t frame[1514];
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(share->cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
	fill_frame(frame, share->options);
	for (uint64_t done = 0, now; done < share->count; done += now) {
		now = share->count - done < chunk ? share->count - done : chunk;
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (uint32_t)share->options->len, .repeat = (int)now,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
		if (share->rate)
			wait_until(start_ns + done * NS_PER_S / share->rate);
		if (bpf_prog_test_run_opts(share->program, &run))
			die("live frames");
	}
	return NULL;
}

/* In even pieces, so that a question and its answer are of one thread. */
static void divide(const struct options *o, struct share *shares)
{
	uint64_t first = 0;

	for (int i = 0; i < o->threads; i++) {
		uint64_t end = o->packets * (uint64_t)(i + 1) / (uint64_t)o->threads;

		if (i < o->threads - 1)
			end &= ~1ull;
		shares[i] = (struct share){ .options = o, .cpu = i, .first = first, .count = end - first, .rate = o->rate / (uint64_t)o->threads };
		first = end;
	}
}

static int kind_of(const char *name)
{
	static const char *const names[] = { [GENERATE_UDP] = "udp", [GENERATE_TALK] = "talk", [GENERATE_SYN] = "syn", [GENERATE_DNS] = "dns" };

	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
		if (!strcmp(name, names[i]))
			return i;
	return -1;
}

static bool parse(struct options *o, int argc, char **argv)
{
	int kind = GENERATE_UDP;

	*o = (struct options){ .flows = 1, .threads = 1 };
	for (int c; (c = getopt(argc, argv, "i:n:f:k:l:t:r:")) != -1;) {
		switch (c) {
		case 'i': o->interface = optarg; break;
		case 'n': o->packets = strtoull(optarg, NULL, 10); break;
		case 'f': o->flows = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'k': kind = kind_of(optarg); break;
		case 'l': o->len = atoi(optarg); break;
		case 't': o->threads = atoi(optarg); break;
		case 'r': o->rate = strtoull(optarg, NULL, 10); break;
		default: return false;
		}
	}
	if (kind < 0)
		return false;
	o->kind = (uint32_t)kind;
	if (!o->len)
		o->len = kind == GENERATE_DNS ? DNS_FRAME_LEN : TCP_FRAME_LEN;
	return o->interface && o->packets && o->flows && o->flows <= 1 << 24 && o->len >= (kind == GENERATE_DNS ? DNS_FRAME_LEN : TCP_FRAME_LEN) &&
	       o->len <= 1514 && o->threads >= 1 && o->threads <= THREADS_MAX && o->threads <= libbpf_num_possible_cpus();
}

int main(int argc, char **argv)
{
	static struct share shares[THREADS_MAX];
	struct options o;
	uint64_t sent;

	if (!parse(&o, argc, argv)) {
		fputs("usage: generate -i INTERFACE -n PACKETS [-f FLOWS] [-k udp|talk|syn|dns] [-l OCTETS] [-t THREADS] [-r PACKETS_PER_SECOND]\n", stderr);
		return 2;
	}
	divide(&o, shares);
	load(&o, shares);
	set_first(&o, shares);
	for (int i = 0; i < o.threads; i++)
		if (pthread_create(&shares[i].thread, NULL, send_share, &shares[i]))
			die("thread");
	for (int i = 0; i < o.threads; i++)
		pthread_join(shares[i].thread, NULL);
	sent = sent_by_all(shares[0].states);
	printf("sent %llu\n", (unsigned long long)sent);
	return sent == o.packets ? 0 : 1;
}
