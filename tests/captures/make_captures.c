/* SPDX-License-Identifier: Apache-2.0 */
/* make_captures.c - writes the captures of the golden tests: make-captures DIR. The same octets at every run.
 * make-captures DIR FLOWS PACKETS writes DIR/load.pcap instead, for benchmarks. */
#include <stdio.h>
#include <stdlib.h>
#include "themes.h"

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 4) {
		fputs("usage: make-captures DIR [FLOWS PACKETS]\n", stderr);
		return 2;
	}
	if (argc == 4) {
		write_load(argv[1], (unsigned)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10));
		return 0;
	}
	theme_flow(argv[1]);
	theme_layers(argv[1]);
	theme_links(argv[1]);
	theme_dns(argv[1]);
	theme_scope(argv[1]);
	theme_lan(argv[1]);
	theme_dhcp(argv[1]);
	theme_tls(argv[1]);
	theme_extended(argv[1]);
	theme_files(argv[1]);
	theme_demo(argv[1]);
	return 0;
}
