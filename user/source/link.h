/* SPDX-License-Identifier: Apache-2.0 */
/* link.h - the link types of capture files and devices: each finds the network protocol, packet.h does the rest. */
#ifndef DEVOURER_LINK_H
#define DEVOURER_LINK_H
#include <stddef.h>
#include <stdint.h>
#include "../../include/packet.h"

/* Parses one frame of a link type into `p` (filled whole) and returns the verdict. */
typedef enum pkt_verdict link_parser(const uint8_t *frame, size_t len, struct packet *p);

/* The parser of a libpcap DLT_ value, or NULL: this link type cannot be read. */
link_parser *link_parser_of(int dlt);

/* "EN10MB, NULL, …": what link_parser_of() knows, for messages. */
const char *link_types_text(void);
#endif
