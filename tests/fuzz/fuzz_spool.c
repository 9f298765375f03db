/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_spool.c - a segment of any octets, with checksums that are right: read without a writer, recovered, written behind, read again. */
#include "../../user/base/log.h"
#include "../../user/ship/spool.h"
#include "../../user/ship/spool_segment.h"
#include "../spool_disk.h"
#include "invariants.h"

static const char *const outputs[] = { "one" };
static const uint8_t frame_magic[4] = { 0xdf, 'f', 'r', 0xed };
static const char line[] = "{\"n\":1}\n";

/* Wherever a frame might begin its checksum is made good, as far as its lines are there. No spool gets to a sequence near 2^64. */
static void mend_frames(struct spool_segment *segment, struct disk_file *file)
{
	for (size_t at = SPOOL_HEADER_SIZE; at + SPOOL_FRAME_SIZE <= file->now_size; at += 8) {
		struct spool_frame frame;
		uint8_t octets[SPOOL_FRAME_SIZE];

		if (memcmp(file->now + at, frame_magic, sizeof(frame_magic)) || spool_frame_peek(segment, at, &frame) != 1)
			continue;
		if (frame.len > file->now_size - at - SPOOL_FRAME_SIZE || frame.sequence >> 62)
			continue;
		spool_frame_encode(octets, &frame, segment->number, (const char *)file->now + at + SPOOL_FRAME_SIZE);
		memcpy(file->now + at, octets, sizeof(octets));
	}
}

static void fill_segment(struct disk_process *process, const uint8_t *data, size_t size)
{
	struct disk_file *file = disk_find(process->disk, "0000000000000001.seg");
	struct spool_segment segment;

	must(file != NULL);
	if (size > DISK_FILE_SIZE - SPOOL_HEADER_SIZE)
		size = DISK_FILE_SIZE - SPOOL_HEADER_SIZE;
	memcpy(file->now + SPOOL_HEADER_SIZE, data, size);
	must(!spool_segment_open(&segment, &process->io, DISK_FOLDER, 1));
	mend_frames(&segment, file);
	spool_segment_close(&segment);
}

/* Reads all, and keeps the books; how many records. */
static uint64_t read_all(struct disk_process *process)
{
	struct spool_reader *reader;
	struct spool_cursor cursor;
	struct spool_batch batch;
	uint64_t rows = 0, batches = 0;
	int found;

	must(!spool_reader_open_on(&reader, &process->io, "spool", "one"));
	cursor = *spool_reader_cursor(reader);
	while ((found = spool_reader_next(reader, &batch)) == 1) {
		uint32_t lines = 0;

		for (size_t i = 0; i < batch.len; i++)
			lines += batch.lines[i] == '\n';
		must(lines == batch.rows);
		must(batch.next.sequence >= cursor.at.sequence + batch.rows);
		spool_cursor_pass(&cursor, &batch, batch.rows, 0);
		must(cursor.at.sequence - cursor.begun_at ==
		     cursor.counts.delivered + cursor.counts.dropped_full + cursor.counts.dropped_damaged);
		rows += batch.rows;
		must(++batches <= 2 * DISK_FILE_SIZE / SPOOL_FRAME_SIZE);
		spool_batch_free(&batch);
	}
	must(!found);
	spool_reader_close(reader);
	return rows;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool_options options = { .dir = "spool", .outputs = outputs, .output_count = 1, .segment_octets = DISK_FILE_SIZE,
		.max_octets = 1 << 20, .batch_rows = 4, .batch_octets = 256, .memory_octets = 1 << 16 };
	struct disk disk = { .random = 1 };
	struct disk_process process;
	struct spool *spool;
	uint64_t rows;

	(void)log_open(LOG_ERROR, LOG_CONSOLE, "stderr");  /* damage is a warning */
	disk_process_start(&process, &disk);
	must(!spool_open_on(&spool, &process.io, &options, 0));
	spool_abandon(spool);
	fill_segment(&process, data, size);
	rows = read_all(&process);
	must(!spool_open_on(&spool, &process.io, &options, 0));
	must(read_all(&process) == rows);
	must(!spool_put(spool, line, sizeof(line) - 1, 0));
	must(!spool_flush(spool, 0));
	must(read_all(&process) == rows + 1);
	spool_abandon(spool);
	disk_free(&disk);
	return 0;
}
