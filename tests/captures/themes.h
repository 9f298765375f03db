/* SPDX-License-Identifier: Apache-2.0 */
/* themes.h - the captures, one function a theme; each writes its files into `dir`. */
#ifndef DEVOURER_TESTS_THEMES_H
#define DEVOURER_TESTS_THEMES_H

void theme_flow(const char *dir);                 /* what is one flow: time, direction, status, fragments, ICMP, limits */
void theme_layers(const char *dir);               /* what is looked through, and what gives no flow */
void theme_links(const char *dir);                /* every link type */
void theme_dns(const char *dir);                  /* DNS over UDP and TCP: good, truncated, hostile */
void theme_scope(const char *dir);                /* whose name it is, and when: clients, lifetimes, forgeries */
void theme_lan(const char *dir);                  /* mDNS, LLMNR, NBNS */
void theme_dhcp(const char *dir);                 /* DHCP, DHCPv6 */
void theme_tls(const char *dir);                  /* SNI */
void theme_extended(const char *dir);             /* the members that --extended adds */
void theme_files(const char *dir);                /* encodings, and files that are not what they seem */
void theme_demo(const char *dir);                 /* demo.pcap: a minute in a home network */
void write_load(const char *dir, unsigned flows, unsigned packets); /* load.pcap, for benchmarks */
#endif
