/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_filter.c - an expression through libpcap and xdp_translate.c into the object file of the kernel programs. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define bpf_insn pcap_insn                        /* the kernel's headers have a struct of this name, too */
#include <pcap/pcap.h>
#undef bpf_insn
#include "../../include/abi.h"
#include "../base/log.h"
#include "xdp_filter.h"
#include "xdp_translate.h"

#define SNAPLEN 262144                            /* whole frames, as tcpdump has it */

/* The functions in bpf/filter.h and what they read. */
struct place {
	const char *frame, *load;                 /* the function that is overwritten, the one that it calls */
	enum xdp_context context;
	int dlt;
};
static const struct place places[] = {
	{ "filter_frame_xdp", "filter_load_xdp", XDP_CONTEXT_XDP, DLT_EN10MB },
	{ "filter_frame_tc", "filter_load_tc", XDP_CONTEXT_SKB, DLT_EN10MB },
	{ "filter_frame_tc_l3", "filter_load_tc_l3", XDP_CONTEXT_SKB, DLT_RAW },
};
#define PLACES (sizeof(places) / sizeof(places[0]))

struct code {
	size_t len;
	struct bpf_insn insns[ABI_FILTER_ROOM];
};

/* ---- from text to instructions ---- */

static int translate(struct code *code, const struct bpf_program *program, const struct place *place, const char **why)
{
	struct sock_filter *classic = calloc(program->bf_len + 1, sizeof(*classic));
	int len = -ENOMEM;

	for (size_t i = 0; classic && i < program->bf_len; i++) {
		const struct pcap_insn *insn = &program->bf_insns[i];

		classic[i] = (struct sock_filter){ insn->code, insn->jt, insn->jf, insn->k };
	}
	if (classic)
		len = xdp_translate(code->insns, ABI_FILTER_ROOM, classic, program->bf_len, place->context,
				    place->context == XDP_CONTEXT_SKB && place->dlt == DLT_EN10MB, why);
	free(classic);
	if (len < 0)
		return len;
	code->len = (size_t)len;
	return 0;
}

/* 0, -ENOMEM, or -EINVAL with the reason in `why`. */
static int compile(struct code *code, const char *text, const struct place *place, char why[PCAP_ERRBUF_SIZE])
{
	pcap_t *dead = pcap_open_dead(place->dlt, SNAPLEN);
	const char *reason = "libpcap's own check refuses what libpcap made of it";
	struct bpf_program program;
	int err = -EINVAL;

	if (!dead)
		return -ENOMEM;
	if (pcap_compile(dead, &program, text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		snprintf(why, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(dead));
	} else {
		if (bpf_validate(program.bf_insns, (int)program.bf_len))
			err = translate(code, &program, place, &reason);
		snprintf(why, PCAP_ERRBUF_SIZE, "%s", err == -EINVAL ? reason : "");
		pcap_freecode(&program);
	}
	pcap_close(dead);
	return err;
}

static int compile_or_say(struct code *code, const char *text, const struct place *place)
{
	char why[PCAP_ERRBUF_SIZE];
	int err = compile(code, text, place, why);

	if (err == -EINVAL)
		log_error("--filter cannot be used when the kernel counts: %s; --source pcap may take it: \"%s\"", why, text);
	return err;
}

int xdp_filter_check(const char *text)
{
	struct code *code;
	int err = 0;

	if (!text)
		return 0;
	code = malloc(sizeof(*code));
	if (!code)
		return -ENOMEM;
	for (size_t i = 0; !err && i < PLACES; i++)
		if (places[i].dlt == DLT_EN10MB)
			err = compile_or_say(code, text, &places[i]);
	free(code);
	return err;
}

/* ---- into the object file, which is ours: only what would read past its end is looked at ---- */

#define PROLOGUE 2                                /* instructions before the filter's; one more is behind it */

struct function { uint16_t section; size_t at; struct bpf_insn *insns; size_t len; }; /* at, len: in instructions */

static const Elf64_Shdr *section_of(const uint8_t *object, size_t len, size_t index)
{
	const Elf64_Ehdr *header = (const void *)object;
	const Elf64_Shdr *section;

	if (len < sizeof(*header) || header->e_shoff > len || index >= header->e_shnum ||
	    (len - header->e_shoff) / sizeof(*section) < header->e_shnum)
		return NULL;
	section = (const Elf64_Shdr *)(const void *)(object + header->e_shoff) + index;
	return section->sh_type != SHT_NOBITS && (section->sh_offset > len || section->sh_size > len - section->sh_offset) ? NULL : section;
}

static const Elf64_Shdr *symbol_table(const uint8_t *object, size_t len)
{
	const Elf64_Shdr *section;

	for (size_t i = 0; (section = section_of(object, len, i)); i++)
		if (section->sh_type == SHT_SYMTAB)
			return section;
	return NULL;
}

static bool is_named(const uint8_t *object, const Elf64_Shdr *strings, const Elf64_Sym *symbol, const char *name)
{
	size_t len = strlen(name) + 1;

	return symbol->st_name < strings->sh_size && len <= strings->sh_size - symbol->st_name &&
	       !memcmp(object + strings->sh_offset + symbol->st_name, name, len);
}

static int find_function(struct function *out, uint8_t *object, size_t len, const char *name)
{
	const Elf64_Shdr *symbols = symbol_table(object, len), *strings = symbols ? section_of(object, len, symbols->sh_link) : NULL, *text;
	const Elf64_Sym *symbol = symbols ? (const void *)(object + symbols->sh_offset) : NULL;
	size_t count = symbols ? symbols->sh_size / sizeof(*symbol) : 0;

	for (; strings && count; count--, symbol++) {
		if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || !is_named(object, strings, symbol, name))
			continue;
		text = section_of(object, len, symbol->st_shndx);
		if (!text || symbol->st_value > text->sh_size || symbol->st_size > text->sh_size - symbol->st_value)
			break;
		*out = (struct function){ symbol->st_shndx, symbol->st_value / sizeof(struct bpf_insn),
					  (void *)(object + text->sh_offset + symbol->st_value), symbol->st_size / sizeof(struct bpf_insn) };
		return 0;
	}
	return -ENOEXEC;
}

/* What is left of the place stays behind a jump that is never taken: a static way leads there, which the verifier wants, and as
 * it never goes there, it takes all of it out at once. */
static void write_code(const struct function *frame, const struct function *load, const struct code *code)
{
	size_t rest = PROLOGUE + code->len;

	frame->insns[0] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 };
	frame->insns[1] = (struct bpf_insn){ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_0, .off = (int16_t)code->len };
	memcpy(frame->insns + PROLOGUE, code->insns, code->len * sizeof(code->insns[0]));
	for (size_t i = PROLOGUE; i < rest; i++)
		if (frame->insns[i].code == (BPF_JMP | BPF_CALL) && frame->insns[i].src_reg == BPF_PSEUDO_CALL)
			frame->insns[i].imm = (int32_t)load->at - (int32_t)(frame->at + i) - 1;
	for (size_t i = rest; i < frame->len - 1; i++)
		frame->insns[i] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA };
	frame->insns[frame->len - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
}

static int splice_place(uint8_t *object, size_t len, const struct place *place, const struct code *code)
{
	struct function frame, load;

	if (find_function(&frame, object, len, place->frame) || find_function(&load, object, len, place->load) ||
	    frame.section != load.section || frame.len < PROLOGUE + code->len + 1) {
		log_error("the kernel programs have no place for --filter in %s", place->frame);
		return -ENOEXEC;
	}
	write_code(&frame, &load, code);
	return 0;
}

int xdp_filter_splice(uint8_t *object, size_t len, const char *text, bool *fits_l3)
{
	struct code *code = malloc(sizeof(*code));
	int err = code ? 0 : -ENOMEM;

	*fits_l3 = true;
	for (size_t i = 0; !err && i < PLACES; i++) {
		if (places[i].dlt == DLT_EN10MB) {
			err = compile_or_say(code, text, &places[i]);
		} else {
			char why[PCAP_ERRBUF_SIZE];

			err = compile(code, text, &places[i], why);
			if (err == -EINVAL) {
				log_debug("--filter is not for devices without Ethernet header: %s", why);
				*fits_l3 = false;
				err = 0;
				continue;
			}
		}
		if (!err)
			err = splice_place(object, len, &places[i], code);
	}
	free(code);
	return err;
}
