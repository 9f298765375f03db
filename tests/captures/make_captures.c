/* SPDX-License-Identifier: Apache-2.0 */
/* make_captures.c - writes the captures of the golden tests: make-captures DIR. The same octets at every run. */
#include <stdio.h>
#include "themes.h"

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: make-captures DIR\n", stderr);
		return 2;
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
