/* SPDX-License-Identifier: Apache-2.0 */
/* ship.c - the spool of a state folder: to empty it, and to look at it. */
#include "ship.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "../base/log.h"
#include "../base/options.h"
#include "../base/time.h"
#include "../ship/crew.h"
#include "../ship/ship.h"
#include "../ship/spool.h"
#include "../ship/spool_place.h"

/* ---- devourer ship ---- */

static uint64_t waiting(const struct spool_look *look, size_t i)
{
	uint64_t at = look->outputs[i].cursor.at.sequence;

	return look->next_sequence > at ? look->next_sequence - at : 0;
}

/* Records that the outputs of this run still have to deliver. */
static uint64_t left_in(const struct spool_look *look, const struct options *options)
{
	uint64_t left = 0;

	for (size_t i = 0; i < look->output_count; i++)
		if (string_list_has(&options->outputs, look->outputs[i].name))
			left += waiting(look, i);
	return left;
}

int ship_run(const struct options *options)
{
	char dir[SPOOL_PLACE_SIZE];
	struct spool_look look;
	int status;

	if (spool_place_make(dir, options->state_dir) || spool_look(&look, dir))
		return EXIT_FAILED;
	log_info("spool %s: %" PRIu64 " records to deliver", dir, left_in(&look, options));
	status = crew_run(options, dir);
	if (spool_look(&look, dir))
		return EXIT_FAILED;
	log_info("spool %s: %" PRIu64 " records are left", dir, left_in(&look, options));
	return status == EXIT_DONE && left_in(&look, options) ? EXIT_FAILED : status;
}

/* ---- devourer spool ---- */

static const struct {
	const char *name;
	size_t offset;                            /* in struct spool_counts */
} counts[] = {
	{ "delivered", offsetof(struct spool_counts, delivered) },
	{ "dead_letter", offsetof(struct spool_counts, dead) },
	{ "dropped_full", offsetof(struct spool_counts, dropped_full) },
	{ "dropped_damaged", offsetof(struct spool_counts, dropped_damaged) },
	{ "retried", offsetof(struct spool_counts, retried) },
	{ "duplicates_possible", offsetof(struct spool_counts, duplicates_possible) },
	{ "requests", offsetof(struct spool_counts, requests) },
};
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static uint64_t count_of(const struct spool_counts *all, size_t i)
{
	uint64_t value;

	memcpy(&value, (const char *)all + counts[i].offset, sizeof(value));
	return value;
}

static void print_text(const struct spool_look *look, const char *dir)
{
	printf("%s: %" PRIu64 " records in %" PRIu64 " segments, %" PRIu64 " octets; %s\n", dir, look->records, look->segments, look->octets,
	       look->has_writer ? "being written" : "nobody writes");
	if (look->damaged_octets)
		printf("damaged: %" PRIu64 " octets\n", look->damaged_octets);
	for (size_t i = 0; i < look->output_count; i++) {
		printf("output %s: in=%" PRIu64, look->outputs[i].name, look->next_sequence - look->outputs[i].cursor.begun_at);
		for (size_t k = 0; k < COUNTS; k++)
			printf(" %s=%" PRIu64, counts[k].name, count_of(&look->outputs[i].cursor.counts, k));
		printf(" spooled=%" PRIu64 "; %s\n", waiting(look, i), look->outputs[i].has_shipper ? "being delivered" : "nobody delivers");
	}
}

static json_t *output_json(const struct spool_look *look, size_t i)
{
	json_t *output = json_pack("{s:s, s:b, s:I, s:I}", "output", look->outputs[i].name, "has_shipper", look->outputs[i].has_shipper, "in",
				   (json_int_t)(look->next_sequence - look->outputs[i].cursor.begun_at), "spooled", (json_int_t)waiting(look, i));

	for (size_t k = 0; k < COUNTS; k++)
		json_object_set_new(output, counts[k].name, json_integer((json_int_t)count_of(&look->outputs[i].cursor.counts, k)));
	return output;
}

static int print_json(const struct spool_look *look, const char *dir)
{
	json_t *outputs = json_array(), *all;
	int err;

	for (size_t i = 0; i < look->output_count; i++)
		json_array_append_new(outputs, output_json(look, i));
	all = json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:o}", "spool", dir, "has_writer", look->has_writer, "records", (json_int_t)look->records,
			"segments", (json_int_t)look->segments, "octets", (json_int_t)look->octets, "damaged_octets",
			(json_int_t)look->damaged_octets, "outputs", outputs);
	err = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;
	putchar('\n');
	json_decref(all);
	return err ? EXIT_FAILED : EXIT_DONE;
}

int spool_run(const struct options *options)
{
	char dir[SPOOL_PLACE_SIZE];
	struct spool_look look;

	if (spool_place_make(dir, options->state_dir) || spool_look(&look, dir))
		return EXIT_FAILED;
	if (options->json)
		return print_json(&look, dir);
	print_text(&look, dir);
	return EXIT_DONE;
}
