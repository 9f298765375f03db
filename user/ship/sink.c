/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c - the table of sinks. */
#include <string.h>
#include "ship.h"
#include "sink.h"

static const struct sink_ops *const sinks[] = { &sink_stdout, &sink_file, &sink_null };

const struct sink_ops *sink_find(const char *name)
{
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
		if (!strcmp(sinks[i]->name, name))
			return sinks[i];
	}
	return ship_find(name) ? &sink_spool : NULL;
}
