/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_translate.c - classic BPF to the kernel's instructions: A and X in registers, M[] on the stack, a read past the end of the
 * frame ends it with "no". Loads with CAP_BPF and CAP_NET_ADMIN alone: packet pointers have constant offsets only. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include "xdp_translate.h"

/* What lives where. A called function keeps registers 6 to 9 and takes its arguments in 1 to 3. */
enum { RESULT = BPF_REG_0, CTX = BPF_REG_6, A = BPF_REG_7, X = BPF_REG_8, TAGGED = BPF_REG_9 };

#define DIRECT_END 0x7fff                         /* where an instruction's offset ends */
#define USUAL_X 20                                /* X is mostly the length of an IPv4 header, and that mostly without options */
#define EXTENSIONS 0x80000000u                    /* offsets from here on are what devices and the kernel give other meanings */

struct translation {
	struct bpf_insn *out;
	size_t len, room;                         /* len goes on counting behind the room */
	enum xdp_context context;
	bool may_be_tagged;
	size_t count;                             /* of the classic program; also stands for the place that says "no" */
	size_t *starts;                           /* of each classic instruction, in `out`; one more: of that place */
	size_t *targets;                          /* of each jump in `out`: 1 + the classic instruction; 0: none */
	const char *why;
};

/* Returns where it was put. */
static size_t emit(struct translation *t, int code, int dst, int src, int offset, uint32_t imm)
{
	if (t->len < t->room)
		t->out[t->len] = (struct bpf_insn){ .code = (uint8_t)code, .dst_reg = (uint8_t)(dst & 15), .src_reg = (uint8_t)(src & 15),
						    .off = (int16_t)offset, .imm = (int32_t)imm };
	return t->len++;
}

static void emit_move(struct translation *t, int dst, int src)
{
	emit(t, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void emit_number(struct translation *t, int dst, uint32_t value)
{
	emit(t, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, value);
}

/* By a constant; `class`: BPF_ALU, 32 bits, or BPF_ALU64. */
static void emit_reckoning(struct translation *t, int class, int op, int dst, uint32_t by)
{
	emit(t, class | op | BPF_K, dst, 0, 0, by);
}

/* A jump whose distance is filled in when its target is known. */
static void aim(struct translation *t, size_t jump, size_t classic)
{
	if (jump < t->room)
		t->targets[jump] = classic + 1;
}

/* A jump within what one classic instruction becomes: to here. */
static void land(struct translation *t, size_t jump)
{
	if (jump < t->room)
		t->out[jump].off = (int16_t)(t->len - jump - 1);
}

static void emit_goto(struct translation *t, size_t classic)
{
	aim(t, emit(t, BPF_JMP | BPF_JA, 0, 0, 0, 0), classic);
}

static void emit_return(struct translation *t, uint32_t value)
{
	emit_number(t, RESULT, value);
	emit(t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* ---- reading ---- */

/* A member of the context, which all have 32 bits. */
static void emit_context(struct translation *t, int dst, size_t xdp_at, size_t skb_at)
{
	emit(t, BPF_LDX | BPF_MEM | BPF_W, dst, CTX, (int)(t->context == XDP_CONTEXT_XDP ? xdp_at : skb_at), 0);
}

static void emit_frame_len(struct translation *t, int dst)
{
	size_t untagged;

	if (t->context == XDP_CONTEXT_XDP) {
		emit_move(t, BPF_REG_1, CTX);
		emit(t, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_xdp_get_buff_len);
		emit_move(t, dst, RESULT);
		return;
	}
	emit_context(t, dst, 0, offsetof(struct __sk_buff, len));
	if (!t->may_be_tagged)
		return;
	untagged = emit(t, BPF_JMP | BPF_JEQ | BPF_K, TAGGED, 0, 0, 0);
	emit_reckoning(t, BPF_ALU, BPF_ADD, dst, 4);
	land(t, untagged);
}

/* By the function, from `at`, or from X + `at`. */
static void emit_called_load(struct translation *t, int dst, uint32_t at, uint32_t octets, bool is_indexed)
{
	emit_move(t, BPF_REG_1, CTX);
	emit_number(t, BPF_REG_2, at);
	if (is_indexed)
		emit(t, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_2, X, 0, 0);
	emit_number(t, BPF_REG_3, octets);
	emit(t, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
	aim(t, emit(t, BPF_JMP | BPF_JSLT | BPF_K, RESULT, 0, 0, 0), t->count);
	emit_move(t, dst, RESULT);
}

/* A constant offset, in the first part of the frame: no call. */
static void emit_load(struct translation *t, int dst, uint32_t at, int size, bool is_indexed)
{
	uint32_t octets = size == BPF_W ? 4 : size == BPF_H ? 2 : 1, direct_at = is_indexed ? at + USUAL_X : at;
	size_t tagged = 0, unusual = 0, beyond, done;

	if (direct_at > DIRECT_END - octets) {
		emit_called_load(t, dst, at, octets, is_indexed);
		return;
	}
	if (t->may_be_tagged)
		tagged = emit(t, BPF_JMP | BPF_JNE | BPF_K, TAGGED, 0, 0, 0);
	if (is_indexed)
		unusual = emit(t, BPF_JMP32 | BPF_JNE | BPF_K, X, 0, 0, USUAL_X);
	emit_context(t, BPF_REG_2, offsetof(struct xdp_md, data), offsetof(struct __sk_buff, data));
	emit_context(t, BPF_REG_3, offsetof(struct xdp_md, data_end), offsetof(struct __sk_buff, data_end));
	emit_move(t, BPF_REG_1, BPF_REG_2);
	emit_reckoning(t, BPF_ALU64, BPF_ADD, BPF_REG_1, direct_at + octets);
	beyond = emit(t, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
	emit(t, BPF_LDX | BPF_MEM | size, dst, BPF_REG_2, (int)direct_at, 0);
	if (octets > 1)
		emit(t, BPF_ALU | BPF_END | BPF_TO_BE, dst, 0, 0, octets * 8);
	done = emit(t, BPF_JMP | BPF_JA, 0, 0, 0, 0);
	land(t, beyond);
	if (t->may_be_tagged)
		land(t, tagged);
	if (is_indexed)
		land(t, unusual);
	emit_called_load(t, dst, at, octets, is_indexed);
	land(t, done);
}

/* Of M[]. In 64 bits each: without CAP_PERFMON kernel 6.1 takes a second shorter write in a place for an attack on a pointer there. */
static int scratch_at(uint32_t word)
{
	return -8 - 8 * (int)word;
}

static void emit_scratch(struct translation *t, int code, int dst, int src, uint32_t word)
{
	if (BPF_CLASS(code) == BPF_LDX)
		emit(t, code, dst, BPF_REG_10, scratch_at(word), 0);
	else
		emit(t, code, BPF_REG_10, src, scratch_at(word), 0);
}

/* BPF_LD and BPF_LDX: into A or X. */
static void translate_load(struct translation *t, const struct sock_filter *c)
{
	int dst = BPF_CLASS(c->code) == BPF_LD ? A : X;
	int mode = BPF_MODE(c->code);

	if ((mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH) && c->k >= EXTENSIONS) {
		t->why = "it reads what is not in the frame but known to the capturing device";
		return;
	}
	switch (mode) {
	case BPF_IMM: emit_number(t, dst, c->k); break;
	case BPF_LEN: emit_frame_len(t, dst); break;
	case BPF_MEM: emit_scratch(t, BPF_LDX | BPF_MEM | BPF_DW, dst, 0, c->k); break;
	case BPF_ABS: case BPF_IND: emit_load(t, dst, c->k, BPF_SIZE(c->code), mode == BPF_IND); break;
	default:                                  /* BPF_MSH: the length of an IPv4 header, RFC 791 3.1 */
		emit_load(t, dst, c->k, BPF_B, false);
		emit_reckoning(t, BPF_ALU, BPF_AND, dst, 0xf);
		emit_reckoning(t, BPF_ALU, BPF_LSH, dst, 2);
	}
}

/* ---- reckoning and jumping ---- */

/* By 32 and more classic BPF shifts everything out, the kernel's instructions shift by less. */
static void translate_shift(struct translation *t, const struct sock_filter *c)
{
	size_t fits, done;

	if (BPF_SRC(c->code) == BPF_K) {
		if (c->k < 32)
			emit_reckoning(t, BPF_ALU, BPF_OP(c->code), A, c->k);
		else
			emit_number(t, A, 0);
		return;
	}
	fits = emit(t, BPF_JMP32 | BPF_JLT | BPF_K, X, 0, 0, 32);
	emit_number(t, A, 0);
	done = emit(t, BPF_JMP | BPF_JA, 0, 0, 0, 0);
	land(t, fits);
	emit(t, BPF_ALU | BPF_OP(c->code) | BPF_X, A, X, 0, 0);
	land(t, done);
}

static void translate_reckoning(struct translation *t, const struct sock_filter *c)
{
	int op = BPF_OP(c->code);
	bool by_x = op != BPF_NEG && BPF_SRC(c->code) == BPF_X;

	if (op == BPF_LSH || op == BPF_RSH) {
		translate_shift(t, c);
		return;
	}
	if (by_x && (op == BPF_DIV || op == BPF_MOD)) /* a frame that makes it divide by 0 does not match */
		aim(t, emit(t, BPF_JMP32 | BPF_JEQ | BPF_K, X, 0, 0, 0), t->count);
	emit(t, BPF_ALU | op | (by_x ? BPF_X : BPF_K), A, by_x ? X : 0, 0, by_x || op == BPF_NEG ? 0 : c->k);
}

static void translate_jump(struct translation *t, const struct sock_filter *c, size_t at)
{
	bool by_x = BPF_SRC(c->code) == BPF_X;

	if (BPF_OP(c->code) == BPF_JA) {
		emit_goto(t, at + 1 + c->k);
		return;
	}
	aim(t, emit(t, BPF_JMP32 | (c->code & 0xf8), A, by_x ? X : 0, 0, by_x ? 0 : c->k), at + 1 + c->jt);
	if (c->jf)
		emit_goto(t, at + 1 + c->jf);
}

static void translate_return(struct translation *t, const struct sock_filter *c)
{
	if (BPF_RVAL(c->code) == BPF_K) {
		emit_return(t, c->k != 0);
		return;
	}
	emit(t, BPF_ALU | BPF_MOV | BPF_X, RESULT, A, 0, 0);
	emit(t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void translate_one(struct translation *t, const struct sock_filter *c, size_t at)
{
	bool takes_x = BPF_MISCOP(c->code) == BPF_TXA;

	switch (BPF_CLASS(c->code)) {
	case BPF_LD: case BPF_LDX: translate_load(t, c); break;
	case BPF_ST: emit_scratch(t, BPF_STX | BPF_MEM | BPF_DW, 0, A, c->k); break;
	case BPF_STX: emit_scratch(t, BPF_STX | BPF_MEM | BPF_DW, 0, X, c->k); break;
	case BPF_ALU: translate_reckoning(t, c); break;
	case BPF_JMP: translate_jump(t, c, at); break;
	case BPF_RET: translate_return(t, c); break;
	default: emit(t, BPF_ALU | BPF_MOV | BPF_X, takes_x ? A : X, takes_x ? X : A, 0, 0);
	}
}

/* ---- the whole ---- */

/* What no jump leads to is left out: the verifier refuses it. Jumps lead forward, but for the loop that protochain makes. */
static int find_reachable(struct translation *t, const struct sock_filter *classic, bool *reachable)
{
	reachable[0] = true;
	for (size_t i = 0; i < t->count; i++) {
		const struct sock_filter *c = &classic[i];
		bool is_jump = BPF_CLASS(c->code) == BPF_JMP;
		size_t next = i + 1, other;

		if (!reachable[i] || BPF_CLASS(c->code) == BPF_RET)
			continue;
		if (is_jump)
			next += BPF_OP(c->code) == BPF_JA ? c->k : c->jt;
		other = is_jump && BPF_OP(c->code) != BPF_JA ? i + 1 + c->jf : next;
		if (next <= i || next >= t->count) {
			t->why = "it loops, as protochain does, and the kernel wants filters that end";
			return -EINVAL;
		}
		reachable[next] = reachable[other] = true;
	}
	return 0;
}

/* The verifier wants each word of M[] written before it is read. */
static void clear_scratch(struct translation *t, const struct sock_filter *classic)
{
	uint32_t cleared = 0;

	for (size_t i = 0; i < t->count; i++) {
		bool is_read = (BPF_CLASS(classic[i].code) == BPF_LD || BPF_CLASS(classic[i].code) == BPF_LDX) && BPF_MODE(classic[i].code) == BPF_MEM;

		if (!is_read || cleared >> classic[i].k & 1)
			continue;
		emit(t, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, scratch_at(classic[i].k), 0);
		cleared |= 1u << classic[i].k;
	}
}

static void fill_in_targets(struct translation *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (t->targets[i])
			t->out[i].off = (int16_t)(t->starts[t->targets[i] - 1] - i - 1);
}

static bool someone_says_no(const struct translation *t)
{
	for (size_t i = 0; i < t->len && i < t->room; i++)
		if (t->targets[i] == t->count + 1)
			return true;
	return false;
}

static int translate(struct translation *t, const struct sock_filter *classic, bool *reachable)
{
	if (find_reachable(t, classic, reachable))
		return -EINVAL;
	emit_move(t, CTX, BPF_REG_1);
	emit_number(t, A, 0);
	emit_number(t, X, 0);
	if (t->may_be_tagged)
		emit_context(t, TAGGED, 0, offsetof(struct __sk_buff, vlan_present));
	clear_scratch(t, classic);
	for (size_t i = 0; i < t->count && !t->why; i++) {
		t->starts[i] = t->len;
		if (reachable[i])
			translate_one(t, &classic[i], i);
	}
	t->starts[t->count] = t->len;
	if (someone_says_no(t))
		emit_return(t, 0);
	if (!t->why && t->len > t->room)
		t->why = "it is too long for the place that the kernel programs keep for it";
	if (t->why)
		return -EINVAL;
	fill_in_targets(t);
	return (int)t->len;
}

int xdp_translate(struct bpf_insn *out, size_t room, const struct sock_filter *classic, size_t count, enum xdp_context context,
		  bool may_be_tagged, const char **why)
{
	struct translation t = { .out = out, .room = room, .context = context, .may_be_tagged = may_be_tagged, .count = count };
	bool *reachable = calloc(count + 1, sizeof(*reachable));
	int err = -ENOMEM;

	t.starts = calloc(count + 1, sizeof(*t.starts));
	t.targets = calloc(room, sizeof(*t.targets));
	if (reachable && t.starts && t.targets)
		err = translate(&t, classic, reachable);
	*why = t.why;
	free(t.targets);
	free(t.starts);
	free(reachable);
	return err;
}
