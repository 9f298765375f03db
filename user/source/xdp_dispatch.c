/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_dispatch.c - joins and leaves the dispatcher of libxdp, in libxdp's own way, so that its other tools go on working. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include "../base/log.h"
#include "xdp_dispatch.h"

#define RUN_FIRST 1                               /* programs that say nothing have 50 */

struct xdp_dispatch {
	struct bpf_object *object;
	struct xdp_program *program;
	char name[16];                            /* of the interface */
	int ifindex;
	int claim;                                /* a socket; -1: none */
};

/* libxdp's lines one level lower: what matters is said here. */
static int print_libxdp(enum libxdp_print_level level, const char *format, va_list arguments)
{
	char line[512];

	if (level == LIBXDP_DEBUG || log_level() < LOG_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = 0;
	log_debug("libxdp: %s", line);
	return 0;
}

/* As long as a process lives, the abstract name (unix(7)) of its program's number is taken in this network namespace. So one
 * that was killed is told from one that counts. A socket, or -EADDRINUSE. */
static int claim(uint32_t program_id)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "devourer-xdp-%u", program_id);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int refuse(const char *name, const char *why, int err)
{
	log_info("interface %s: ingress: not beside the other XDP program: %s (%s)", name, why, strerror(-err));
	return err;
}

/* Is the program that is on the interface a dispatcher? */
static int find_dispatcher(const char *name, unsigned ifindex)
{
	struct xdp_multiprog *there = xdp_multiprog__get_from_ifindex((int)ifindex);
	int err = (int)libxdp_get_error(there);
	bool is_dispatcher = !err && !xdp_multiprog__is_legacy(there);

	if (!err)
		xdp_multiprog__close(there);
	if (err == -EPERM || err == -EACCES)
		return refuse(name, "looking at it needs CAP_SYS_ADMIN", err);
	if (err)
		return refuse(name, "libxdp does not find its pins: is the BPF file system the one where it was loaded?", err);
	return is_dispatcher ? 0 : refuse(name, "it is no dispatcher of libxdp, by which alone several share an interface", -EBUSY);
}

/* The number of a program of ours in the dispatcher whose process is gone; 0: there is none. */
static uint32_t find_left_behind(const struct xdp_multiprog *there, const char *program)
{
	const struct xdp_program *each = NULL;
	uint32_t found = 0;

	while (!found && (each = xdp_multiprog__next_prog(each, there))) {
		int fd = strcmp(xdp_program__name(each), program) ? -EADDRINUSE : claim(xdp_program__id(each));

		if (fd < 0)
			continue;
		close(fd);
		found = xdp_program__id(each);
	}
	return found;
}

static int take_out(uint32_t program_id, int ifindex)
{
	struct xdp_program *gone = xdp_program__from_id(program_id);
	int err = (int)libxdp_get_error(gone);

	if (err)
		return err;
	err = xdp_program__detach(gone, ifindex, XDP_MODE_UNSPEC, 0);
	xdp_program__close(gone);
	return err;
}

int xdp_dispatch_clean(const char *program, const char *name, unsigned ifindex)
{
	uint32_t left = 0;
	int count = 0, err = 0;

	libxdp_set_print(print_libxdp);
	do {
		struct xdp_multiprog *there = xdp_multiprog__get_from_ifindex((int)ifindex);

		if (libxdp_get_error(there))
			return count;
		left = xdp_multiprog__is_legacy(there) ? 0 : find_left_behind(there, program);
		xdp_multiprog__close(there);
		if (left)
			err = take_out(left, (int)ifindex);
		count += left && !err;
	} while (left && !err);
	if (err)
		log_warn("interface %s: a program that a killed run left in the dispatcher of libxdp stays there: %s", name, strerror(-err));
	else if (count)
		log_info("interface %s: took %d that killed runs left out of the dispatcher of libxdp", name, count);
	return err ? err : count;
}

static int attach(struct xdp_dispatch *d, const char *program)
{
	struct xdp_program_opts options = { .sz = sizeof(options), .obj = d->object, .prog_name = program };
	struct xdp_program *made = xdp_program__create(&options);
	int err = (int)libxdp_get_error(made);

	if (err)
		return err;
	d->program = made;
	err = xdp_program__set_run_prio(made, RUN_FIRST);
	if (!err)                                 /* else frames of several pages are refused to all */
		err = xdp_program__set_xdp_frags_support(made, true);
	if (!err)
		err = xdp_program__attach(made, d->ifindex, XDP_MODE_NATIVE, 0);
	if (!err)
		d->claim = claim(xdp_program__id(made));
	return err;
}

static void dispatch_free(struct xdp_dispatch *d)
{
	xdp_program__close(d->program);
	if (d->claim >= 0)
		close(d->claim);
	bpf_object__close(d->object);
	free(d);
}

int xdp_dispatch_join(struct xdp_dispatch **out, struct bpf_object *object, const char *program, const char *name, unsigned ifindex)
{
	struct xdp_dispatch *d = calloc(1, sizeof(*d));
	int err;

	if (!d) {
		bpf_object__close(object);
		return -ENOMEM;
	}
	d->object = object;
	d->ifindex = (int)ifindex;
	d->claim = -1;
	snprintf(d->name, sizeof(d->name), "%s", name);
	libxdp_set_print(print_libxdp);
	err = find_dispatcher(name, ifindex);
	if (!err) {
		xdp_dispatch_clean(program, name, ifindex);
		err = attach(d, program);
		if (err)
			refuse(name, "libxdp did not get it into the dispatcher", err);
	}
	if (err) {
		dispatch_free(d);
		return err;
	}
	*out = d;
	return 0;
}

/* Gone with the interface is the dispatcher, but not its pins, which would keep our maps. */
void xdp_dispatch_leave(struct xdp_dispatch *d)
{
	int err;

	if (!d)
		return;
	err = xdp_program__detach(d->program, d->ifindex, XDP_MODE_NATIVE, 0);
	if (err == -ENOENT)
		err = libxdp_clean_references(d->ifindex);
	if (err)
		log_warn("interface %s: our program stays in the dispatcher of libxdp: %s; 'xdp-loader unload' takes it out", d->name, strerror(-err));
	dispatch_free(d);
}
