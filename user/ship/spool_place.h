/* SPDX-License-Identifier: Apache-2.0 */
/* spool_place.h - where the spool of a run is: in the state folder, or in memory. */
#ifndef DEVOURER_SPOOL_PLACE_H
#define DEVOURER_SPOOL_PLACE_H
#include <stdbool.h>
#include <stddef.h>

#define SPOOL_PLACE_SIZE 4096

/* DIR/spool, or without a state folder a new folder in memory (/dev/shm, else TMPDIR or /tmp), for this run only. 0 or -errno, logged. */
int spool_place_make(char out[SPOOL_PLACE_SIZE], const char *state_dir);

/* Of one in memory: the folder and what is in it. Silent. */
void spool_place_remove(const char *dir);
#endif
