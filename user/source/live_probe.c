/* SPDX-License-Identifier: Apache-2.0 */
/* live_probe.c - libpcap's version and devices, and the right to open one. */
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "live_probe.h"

#ifdef __linux__
const char live_probe_right[] = "CAP_NET_RAW";
const char live_probe_cure[] = "run as root, or 'setcap cap_net_raw+ep' on the program, or for a container --cap-add NET_RAW";
#else
const char live_probe_right[] = "the right to read /dev/bpf*";
const char live_probe_cure[] = "run as root, or give your user that right";
#endif

const char *live_probe_version(void)
{
	return pcap_lib_version();
}

int live_probe_open(void)
{
#ifdef __linux__
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* of no protocol: it gets no packet */
#else
	int fd = open("/dev/bpf", O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		fd = open("/dev/bpf0", O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)             /* another process has it; a capture takes the next one */
		return 0;
#endif
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int live_probe_devices(struct live_device *out, size_t max, char *why, size_t size)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	pcap_if_t *all;
	size_t count = 0;

	if (pcap_findalldevs(&all, error) < 0) {
		snprintf(why, size, "%s", error);
		return -EIO;
	}
	for (const pcap_if_t *device = all; device && count < max; device = device->next) {
		struct live_device *to = &out[count++];

		snprintf(to->name, sizeof(to->name), "%s", device->name);
		to->is_up = device->flags & PCAP_IF_UP;
		to->is_loopback = device->flags & PCAP_IF_LOOPBACK;
	}
	pcap_freealldevs(all);
	return (int)count;
}
