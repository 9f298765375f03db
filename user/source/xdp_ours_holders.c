/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_ours_holders.c - looks through the descriptors of all processes: /proc/PID/fd says what each is, fdinfo its id. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "xdp_ours_holders.h"

enum xdp_ours_object xdp_ours_object_of(int pid, int fd)
{
	char path[64], target[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = 0;
	if (!strcmp(target, "anon_inode:bpf-map"))
		return XDP_OBJECT_MAP;
	if (!strcmp(target, "anon_inode:bpf-prog"))
		return XDP_OBJECT_PROGRAM;
	return strcmp(target, "anon_inode:bpf_link") != 0 && strcmp(target, "anon_inode:bpf-link") != 0 ? XDP_OBJECT_OTHER : XDP_OBJECT_LINK;
}

/* The number behind "NAME:" at the beginning of a line of fdinfo. 0: no such line. */
static uint32_t number_in(FILE *fdinfo, const char *name)
{
	char line[256];
	size_t len = strlen(name);

	while (fgets(line, sizeof(line), fdinfo))
		if (!strncmp(line, name, len) && line[len] == ':')
			return (uint32_t)strtoul(line + len + 1, NULL, 10);
	return 0;
}

static uint32_t id_of(int pid, int fd, enum xdp_ours_object object)
{
	static const char *const names[] = { [XDP_OBJECT_MAP] = "map_id", [XDP_OBJECT_PROGRAM] = "prog_id", [XDP_OBJECT_LINK] = "link_id" };
	char path[64];
	uint32_t id;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	file = fopen(path, "re");
	if (!file)
		return 0;
	id = number_in(file, names[object]);
	fclose(file);
	return id;
}

static void look_at_descriptor(struct xdp_ours_list *list, int pid, int fd)
{
	enum xdp_ours_object object = xdp_ours_object_of(pid, fd);
	uint32_t id = object == XDP_OBJECT_OTHER ? 0 : id_of(pid, fd, object);

	for (size_t i = 0; id && i < list->count; i++)
		if (list->items[i].object == object && list->items[i].id == id)
			list->items[i].pid = pid;
}

static void look_at_process(struct xdp_ours_list *list, int pid)
{
	char path[64];
	const struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
			look_at_descriptor(list, pid, atoi(entry->d_name));
	closedir(directory);
}

void xdp_ours_find_holders(struct xdp_ours_list *list)
{
	DIR *directory = list->count ? opendir("/proc") : NULL;
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && pid != getpid())
			look_at_process(list, pid);
	}
	if (directory)
		closedir(directory);
}
