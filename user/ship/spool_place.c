/* SPDX-License-Identifier: Apache-2.0 */
/* spool_place.c - the folder of a spool, and its end when it was only in memory. */
#include "spool_place.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../base/log.h"

/* tmpfs where there is one; elsewhere a folder for temporary files has to do. */
static const char *memory_folder(void)
{
	const char *named = getenv("TMPDIR");

	if (!access("/dev/shm", W_OK | X_OK))
		return "/dev/shm";
	return named && *named ? named : "/tmp";
}

int spool_place_make(char out[SPOOL_PLACE_SIZE], const char *state_dir)
{
	int len = state_dir ? snprintf(out, SPOOL_PLACE_SIZE, "%s/spool", state_dir) :
			      snprintf(out, SPOOL_PLACE_SIZE, "%s/devourer-spool-XXXXXX", memory_folder());

	if (len >= SPOOL_PLACE_SIZE) {
		log_error("the name of the folder for state is too long");
		return -ENAMETOOLONG;
	}
	if (state_dir || mkdtemp(out))
		return 0;
	log_error("%s: %s; give --state-dir", out, strerror(errno));
	return -errno;
}

void spool_place_remove(const char *dir)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(dir);
}
