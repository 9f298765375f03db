/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - from the command line to the command, and what holds for all of them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../base/log.h"
#include "../base/options.h"
#include "../flow/record.h"
#include "capture.h"
#include "check.h"
#include "detach.h"
#include "interfaces.h"
#include "ship.h"

static const struct command commands[] = {
	{ "capture", "c", "Records the flows of network interfaces or of capture files.", capture_run,
	  OPTIONS_CAPTURE },
	{ "interfaces", NULL, "Lists what can be captured, and how each interface would be.", interfaces_run, OPTIONS_LIVE | OPTIONS_JSON },
	{ "check", NULL, "Tells what this host can do and what is missing; changes nothing.", check_run, OPTIONS_LIVE | OPTIONS_JSON },
	{ "status", NULL, "Lists what of devourer's is attached or pinned in the kernel.", status_run, OPTIONS_JSON },
	{ "detach", NULL, "Takes away what an earlier run left attached or pinned.", detach_run, OPTIONS_JSON },
	{ "ship", NULL, "Delivers what the spool of a state folder holds, without capturing.", ship_run, OPTIONS_STATE | OPTIONS_OUTPUT | OPTIONS_SHIP },
	{ "spool", NULL, "Shows what the spool of a state folder holds; changes nothing.", spool_run, OPTIONS_STATE | OPTIONS_JSON },
	{ 0 },
};

/* A standard descriptor that is closed would be taken by the first file we open, and records or log lines would end
 * up in it. The stand-in is opened the wrong way round, so that using it still fails. */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(EXIT_FAILED);
	}
}

/* A reader that went away and a full file are errors of write(2), not the end of the process. */
static void ignore_write_signals(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

static int run(const struct options *options)
{
	int status;

	if (options_open_log(options))
		return EXIT_FAILED;
	status = options->command->run(options);
	log_close();
	return status;
}

/* What --help printed may not have arrived. That a pager closed its end is not an error. */
static int finish_stdout(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return status;
	log_error("stdout: %s", strerror(errno));
	return status == EXIT_DONE ? EXIT_FAILED : status;
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	hold_standard_descriptors();
	ignore_write_signals();
	umask(077);
	if (argc == 2 && !strcmp(argv[1], "--record-table")) {    /* for scripts/check-docs */
		record_print_table(stdout);
		return finish_stdout(EXIT_DONE);
	}
	status = options_parse(&options, commands, argc, argv);
	if (status < 0)
		status = run(&options);
	options_free(&options);
	return finish_stdout(status);
}
