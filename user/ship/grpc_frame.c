/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_frame.c - lengths before messages, and the three header lines that matter. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "grpc.h"
#include "grpc_frame.h"
#include "http.h"

#define FIRST_SIZE 1024                           /* octets of room for a message; grows with what comes */

/* ---- sending ---- */

void grpc_send_set(struct grpc_sending *out, const void *octets, size_t len, bool is_last)
{
	out->head[0] = 0;                         /* not compressed */
	for (int i = 0; i < 4; i++)
		out->head[1 + i] = (uint8_t)(len >> (24 - 8 * i));
	out->octets = octets;
	out->len = GRPC_FRAME_HEAD + len;
	out->at = 0;
	out->is_last = is_last;
}

size_t grpc_send(struct grpc_sending *out, char *to, size_t size)
{
	size_t done = 0, part;

	while (out->at < GRPC_FRAME_HEAD && out->at < out->len && done < size)
		to[done++] = (char)out->head[out->at++];
	part = out->len - out->at < size - done ? out->len - out->at : size - done;
	if (part)
		memcpy(to + done, out->octets + out->at - GRPC_FRAME_HEAD, part);
	out->at += part;
	return done + part;
}

/* ---- messages ---- */

int grpc_receive_init(struct grpc_receiving *in)
{
	in->octets = malloc(FIRST_SIZE);
	in->size = FIRST_SIZE;
	return in->octets ? 0 : -ENOMEM;
}

void grpc_receive_end(struct grpc_receiving *in)
{
	free(in->octets);
	in->octets = NULL;
}

void grpc_receive_message(struct grpc_receiving *in)
{
	in->head_len = in->len = in->wanted = 0;
	in->is_whole = false;
}

void grpc_receive_call(struct grpc_receiving *in)
{
	grpc_receive_message(in);
	in->headers = 0;
	in->is_grpc = false;
	in->code = -1;
	in->message[0] = 0;
}

static const char *begin_message(struct grpc_receiving *in)
{
	in->wanted = (size_t)in->head[1] << 24 | (size_t)in->head[2] << 16 | (size_t)in->head[3] << 8 | in->head[4];
	if (in->head[0])
		return "the server sent a compressed message, which nobody asked for";
	if (in->wanted > GRPC_MESSAGE_MAX)
		return "the server sent a message that is too long";
	in->is_whole = !in->wanted;
	return NULL;
}

/* The room grows with the octets that are there, so a lie about the length costs nothing. */
static const char *add_octets(struct grpc_receiving *in, const uint8_t *octets, size_t len)
{
	size_t size = in->size;
	uint8_t *larger;

	while (size < in->len + len)
		size *= 2;
	if (size > in->size) {
		larger = realloc(in->octets, size);
		if (!larger)
			return "out of memory";
		in->octets = larger;
		in->size = size;
	}
	memcpy(in->octets + in->len, octets, len);
	in->len += len;
	in->is_whole = in->len == in->wanted;
	return NULL;
}

/* A body that is not gRPC's says nothing beyond its HTTP status. */
const char *grpc_receive(struct grpc_receiving *in, const void *octets, size_t len)
{
	const uint8_t *at = octets, *end = at + len;
	const char *broken = in->is_grpc ? NULL : "the server does not speak gRPC";

	while (at < end && !broken) {
		size_t left = in->wanted - in->len, part = (size_t)(end - at) < left ? (size_t)(end - at) : left;

		if (in->is_whole) {
			broken = "the server answered without being asked";
		} else if (in->head_len < GRPC_FRAME_HEAD) {
			in->head[in->head_len++] = *at++;
			if (in->head_len == GRPC_FRAME_HEAD)
				broken = begin_message(in);
		} else {
			broken = add_octets(in, at, part);
			at += part;
		}
	}
	return broken;
}

/* ---- header lines ---- */

/* The value of the header line `name`, without white space around it, or NULL. */
static const char *header_value(const char *line, size_t len, const char *name, size_t *value_len)
{
	size_t at = strlen(name);

	if (len <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
		return NULL;
	for (at++; at < len && (line[at] == ' ' || line[at] == '\t'); at++)
		;
	while (len > at && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
		len--;
	*value_len = len - at;
	return line + at;
}

/* One or two digits; the gRPC documentation takes anything else as UNKNOWN. */
static int status_value(const char *text, size_t len)
{
	int code = 0;

	if (!len || len > 2)
		return GRPC_UNKNOWN;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return GRPC_UNKNOWN;
		code = 10 * code + text[i] - '0';
	}
	return code;
}

const char *grpc_receive_line(struct grpc_receiving *in, const char *line, size_t len)
{
	static const char type[] = "application/grpc";
	const char *value;
	size_t value_len;

	in->headers += len;
	if (in->headers > HTTP_HEADERS_MAX)
		return "the server sent too many headers";
	if ((value = header_value(line, len, "content-type", &value_len)))
		in->is_grpc = value_len >= sizeof(type) - 1 && !strncasecmp(value, type, sizeof(type) - 1);
	else if ((value = header_value(line, len, "grpc-status", &value_len)))
		in->code = status_value(value, value_len);
	else if ((value = header_value(line, len, "grpc-message", &value_len)))
		snprintf(in->message, sizeof(in->message), "%.*s", (int)(value_len < 255 ? value_len : 255), value);
	return NULL;
}
