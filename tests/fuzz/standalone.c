/* SPDX-License-Identifier: Apache-2.0 */
/* standalone.c - a fuzz target without a fuzzer: each file that is named, and each file of a folder, is one input. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The block is of exactly the input's size, so that ASan sees a read behind it. */
static int replay_file(const char *path)
{
	static uint8_t input[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	uint8_t *exact;
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(input, 1, sizeof(input), file);
	fclose(file);
	exact = malloc(size ? size : 1);
	if (!exact) {
		perror(path);
		return 1;
	}
	memcpy(exact, input, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

static int replay_folder(const char *path, unsigned *count)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int failed = 0;

	if (!folder) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(folder))) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		failed |= replay_file(name);
		(*count)++;
	}
	closedir(folder);
	return failed;
}

int main(int argc, char **argv)
{
	unsigned count = 0;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		struct stat about;

		if (!stat(argv[i], &about) && S_ISDIR(about.st_mode)) {
			failed |= replay_folder(argv[i], &count);
			continue;
		}
		failed |= replay_file(argv[i]);
		count++;
	}
	printf("%u inputs replayed\n", count);
	return failed || !count;
}
