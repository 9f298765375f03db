/* SPDX-License-Identifier: Apache-2.0 */
/* test_check_kernel.c - what `devourer check` says about kernels and permissions that this host has not got. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* What check_kernel.c asks, answered by a host of the test. */
#include <sys/utsname.h>
#define uname host_uname
int host_uname(struct utsname *out);
#define xdp_privilege_read host_privilege
#define xdp_privilege_try_bpf host_try_bpf
#define xdp_probe_load host_load
#define xdp_probe_membarrier host_membarrier
#define xdp_probe_bpffs host_bpffs
#define memory_group host_group
#define memory_limit host_memory
#include "../user/cmd/check_kernel.c"
#undef uname

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ALL (1ull << CAPABILITY_BPF | 1ull << CAPABILITY_NET_ADMIN)
#define ROOT "6.1.0", { ALL, false, false }
#define FILTERED "6.1.0", { ALL, true, false }
#define NESTED "6.1.0", { ALL, false, true }
#define NO_LIMIT .group = { .path = "/", .limit = UINT64_MAX }

struct host {
	const char *release;
	struct xdp_privilege privilege;
	int privilege_err, bpf_err, membarrier_err;
	int load_err, real_load_err;              /* with the least sizes, and with those of a capture */
	bool is_interpreted, has_no_bpffs, has_no_clock;
	struct memory_group group;
};

static const struct host *host;
static char said[4096];                           /* all lines but those that pass */
static unsigned passed;
static enum check_result worst;

int host_uname(struct utsname *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->release, sizeof(out->release), "%s", host->release);
	return 0;
}

int host_privilege(struct xdp_privilege *out)
{
	*out = host->privilege;
	return host->privilege_err;
}

int host_try_bpf(void)
{
	return host->bpf_err;
}

int host_load(const struct xdp_sizes *sizes, bool with_clock, struct xdp_probe *out)
{
	bool is_real = sizes->set_bits > xdp_probe_least().set_bits;

	*out = (struct xdp_probe){ .programs = 4, .octets = 64 << 20, .is_jited = !host->is_interpreted };
	out->ticks_per_s = with_clock && !host->has_no_clock ? 250 : 0;
	return is_real ? host->real_load_err : host->load_err;
}

int host_membarrier(void)
{
	return host->membarrier_err;
}

bool host_bpffs(void)
{
	return !host->has_no_bpffs;
}

void host_group(struct memory_group *out)
{
	*out = host->group;
}

uint64_t host_memory(void)
{
	return 1ull << 34;
}

void check_add(struct checks *checks, enum check_result result, const char *name, const char *cure, const char *format, ...)
{
	size_t len = strlen(said);
	char text[512];
	va_list args;

	(void)checks;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	passed += result == CHECK_PASS;
	worst = result > worst ? result : worst;
	if (result != CHECK_PASS)
		snprintf(said + len, sizeof(said) - len, "%s: %s; cure: %s\n", name, text, cure ? cure : "");
}

static void look_at(const struct host *at)
{
	const struct options options = { .source = "auto", .table_slots = 16384, .ring_size = 32 << 20 };
	struct checks checks = { .options = &options };

	host = at;
	said[0] = 0;
	passed = 0;
	worst = CHECK_PASS;
	check_kernel(&checks);
}

static void each_lack_is_said_once_with_its_cure(void **state)
{
	static const struct { struct host host; enum check_result result; const char *line, *cure; } rows[] = {
		{ { "5.10.0", { ALL, false, false }, NO_LIMIT }, CHECK_FAIL, "kernel: Linux 5.10.0 is too old", "5.15" },
		{ { "5.15.0-91", { ALL, false, false }, NO_LIMIT }, CHECK_WARN, "kernel: Linux 5.15.0-91 is older", "6.1" },
		{ { "6.1.0", { 0, false, false }, NO_LIMIT }, CHECK_DENIED, "CAP_BPF: missing", "setcap cap_bpf,cap_net_admin" },
		{ { "5.15.0", { 0, false, false }, .bpf_err = -EPERM, NO_LIMIT }, CHECK_DENIED, "CAP_BPF: missing", "setcap" },
		{ { FILTERED, .bpf_err = -EPERM, NO_LIMIT }, CHECK_DENIED, "bpf(2): a seccomp profile", "--security-opt" },
		{ { ROOT, .bpf_err = -EPERM, NO_LIMIT }, CHECK_DENIED, "bpf(2): the kernel refuses", "--source pcap" },
		{ { ROOT, .bpf_err = -ENOSYS, NO_LIMIT }, CHECK_FAIL, "bpf(2): the kernel refuses", "CONFIG_BPF_SYSCALL" },
		{ { NESTED, NO_LIMIT }, CHECK_DENIED, "user namespace: not the host's", "PrivateUsers" },
		{ { ROOT, .load_err = -EACCES, NO_LIMIT }, CHECK_DENIED, "CAP_PERFMON: missing", "cap_perfmon" },
		{ { ROOT, .load_err = -EINVAL, NO_LIMIT }, CHECK_FAIL, "programs: not loaded: Invalid argument", "" },
		{ { ROOT, .is_interpreted = true, NO_LIMIT }, CHECK_WARN, "BPF JIT: off", "bpf_jit_enable=1" },
		{ { ROOT, .has_no_clock = true, NO_LIMIT }, CHECK_FAIL, "clock: the kernel's clocks", "--source pcap" },
		{ { ROOT, .has_no_bpffs = true, NO_LIMIT }, CHECK_WARN, "bpffs: not mounted", "mount -t bpf" },
		{ { ROOT, .membarrier_err = -EOPNOTSUPP, NO_LIMIT }, CHECK_FAIL, "membarrier(2): this kernel", "nohz_full" },
		{ { FILTERED, .membarrier_err = -EPERM, NO_LIMIT }, CHECK_DENIED, "membarrier(2): a seccomp profile", "seccomp" },
		{ { ROOT, .real_load_err = -ENOMEM, NO_LIMIT }, CHECK_FAIL, "memory: the kernel's tables need", "--table-slots" },
		{ { ROOT, .group = { "/small", 32 << 20, 3 << 20 } }, CHECK_FAIL,
		  "control group /small allows 32 MiB, of which 3 are in use", "MemoryMax=" },
		{ { ROOT, .real_load_err = -ENOMEM, .group = { "/tight", 1 << 30, 1 << 29 } }, CHECK_FAIL,
		  "control group /tight allows 1024 MiB", "MemoryMax=" },
		{ { "6.1.0", { 0, false, false }, .privilege_err = -ENOENT, NO_LIMIT }, CHECK_WARN,
		  "/proc: capabilities cannot be read", "mount -t proc" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *line, *end;

		look_at(&rows[i].host);
		line = strstr(said, rows[i].line);
		assert_non_null(line);
		end = strchr(line, '\n');
		assert_non_null(end);
		line = strstr(line, "; cure: ");
		assert_non_null(line);
		assert_true(line < end);
		assert_non_null(strstr(line, rows[i].cure));
		assert_int_equal(worst, rows[i].result);
	}
}

static void a_host_that_has_all_passes(void **state)
{
	static const struct host rows[] = {
		{ "6.18.44", { UINT64_MAX, false, false }, NO_LIMIT },
		{ ROOT, .group = { "/unit", 1 << 30, 1 << 20 } },
		{ FILTERED, NO_LIMIT },
		{ "7.0", { 1ull << CAPABILITY_SYS_ADMIN, false, false }, NO_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		look_at(&rows[i]);
		assert_string_equal(said, "");
		assert_in_range(passed, 10, 20);
	}
}

/* One cause, one line: what follows from it is not said again. */
static void a_refusal_is_not_followed_by_its_consequences(void **state)
{
	static const struct host rows[] = {
		{ "6.1.0", { 1ull << CAPABILITY_NET_ADMIN, false, false }, .load_err = -EPERM, .real_load_err = -EPERM, NO_LIMIT },
		{ FILTERED, .bpf_err = -EPERM, .load_err = -EPERM, .real_load_err = -EPERM, NO_LIMIT },
		{ NESTED, .load_err = -EPERM, .real_load_err = -EPERM, NO_LIMIT },
		{ ROOT, .load_err = -EACCES, .real_load_err = -EACCES, NO_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		look_at(&rows[i]);
		assert_non_null(strchr(said, '\n'));
		assert_int_equal(strlen(strchr(said, '\n')), 1);
	}
}

static void libpcap_alone_needs_nothing_of_it(void **state)
{
	const struct options options = { .source = "pcap" };
	struct checks checks = { .options = &options };
	static const struct host at = { "4.4", { 0, false, false }, NO_LIMIT };

	(void)state;
	look_at(&at);
	assert_true(worst != CHECK_PASS);
	said[0] = 0;
	passed = 0;
	check_kernel(&checks);
	assert_string_equal(said, "");
	assert_int_equal(passed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_lack_is_said_once_with_its_cure),
		cmocka_unit_test(a_host_that_has_all_passes),
		cmocka_unit_test(a_refusal_is_not_followed_by_its_consequences),
		cmocka_unit_test(libpcap_alone_needs_nothing_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
