/* SPDX-License-Identifier: Apache-2.0 */
/* detach.c - lists what of ours is in the kernel, and takes away what no process uses any more. */
#include "detach.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "../base/log.h"
#include "../base/options.h"
#include "printable.h"

#ifdef __linux__
#include "../source/xdp_ours.h"

static const char *const kind_text[] = { [XDP_OURS_LINK] = "link", [XDP_OURS_FILTER] = "filter", [XDP_OURS_PIN] = "pin" };
static const char *const object_text[] = {
	[XDP_OBJECT_OTHER] = "other", [XDP_OBJECT_MAP] = "map", [XDP_OBJECT_PROGRAM] = "program", [XDP_OBJECT_LINK] = "link",
};

static const char *hook_text(const struct xdp_ours *item)
{
	bool is_filter = item->kind == XDP_OURS_FILTER;

	switch (item->hook) {
	case XDP_HOOK_XDP: return "xdp";
	case XDP_HOOK_DISPATCHER: return "xdp dispatcher";
	case XDP_HOOK_INGRESS: return is_filter ? "clsact ingress" : "tcx ingress";
	case XDP_HOOK_EGRESS: return is_filter ? "clsact egress" : "tcx egress";
	default: return "";
	}
}

/* "link 12: devourer_xdp at xdp of eth0", "pin /sys/fs/bpf/devourer/slots: map slots". */
static void describe(const struct xdp_ours *item, char *out, size_t size)
{
	char where[96];

	snprintf(where, sizeof(where), "%s of %s", hook_text(item), *item->interface ? item->interface : "an interface of another network namespace");
	if (item->kind == XDP_OURS_PIN)
		snprintf(out, size, "pin %s: %s %s", item->path, object_text[item->object], item->name);
	else if (item->kind == XDP_OURS_FILTER)
		snprintf(out, size, "filter: %s at %s (program %u)", item->name, where, item->id);
	else if (item->hook == XDP_HOOK_DISPATCHER)
		snprintf(out, size, "program %u: %s at %s", item->id, item->name, where);
	else if (!item->ifindex)
		snprintf(out, size, "link %u: %s, whose interface is gone", item->id, item->name);
	else
		snprintf(out, size, "link %u: %s at %s", item->id, item->name, where);
	printable(out);
}

static json_t *item_json(const struct xdp_ours *item)
{
	json_t *json = json_pack("{s:s, s:s, s:I, s:s}", "kind", kind_text[item->kind], "object", object_text[item->object],
				 "id", (json_int_t)item->id, "name", item->name);

	if (json && item->kind != XDP_OURS_PIN) {
		json_object_set_new(json, "hook", json_string(hook_text(item)));
		json_object_set_new(json, "interface", json_string(item->interface));
	}
	if (json && item->kind == XDP_OURS_PIN)
		json_object_set_new(json, "path", json_string(item->path));
	if (json && item->pid)
		json_object_set_new(json, "pid", json_integer(item->pid));
	return json;
}

/* Takes `all`. */
static int print_json(json_t *all)
{
	int err = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;

	if (!err)
		putchar('\n');
	json_decref(all);
	return err ? EXIT_FAILED : EXIT_DONE;
}

static int find(struct xdp_ours_list *list)
{
	int err = xdp_ours_find(list);

	if (err)
		log_error("looking for what is attached: %s", strerror(-err));
	for (size_t i = 0; !err && i < list->count; i++) {
		printable(list->items[i].interface);
		printable(list->items[i].name);
	}
	return err;
}

/* ---- status ---- */

static int list_json(const struct xdp_ours_list *list)
{
	json_t *items = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(items, item_json(&list->items[i]));
	return print_json(json_pack("{s:b, s:o}", "links_listed", !list->links, "items", items));
}

static int list_text(const struct xdp_ours_list *list)
{
	char text[384];

	for (size_t i = 0; i < list->count; i++) {
		const struct xdp_ours *item = &list->items[i];

		describe(item, text, sizeof(text));
		if (item->pid)
			printf("%s, used by process %d\n", text, item->pid);
		else
			printf("%s\n", text);
	}
	if (!list->count)
		printf("nothing of devourer's is attached or pinned%s\n", list->links ? ", apart from links that could not be listed" : "");
	return EXIT_DONE;
}

static int show(const struct options *options, const struct xdp_ours_list *list)
{
	int status = options->json ? list_json(list) : list_text(list);

	if (!list->links)
		return status;
	if (list->links == -EPERM)
		log_error("XDP and TCX links may be listed only with CAP_SYS_ADMIN: run as root; filters and pins are complete");
	else
		log_error("XDP and TCX links cannot be listed: %s", strerror(-list->links));
	return list->links == -EPERM ? EXIT_PERMISSION : EXIT_FAILED;
}

int status_run(const struct options *options)
{
	struct xdp_ours_list list;
	int status = find(&list) ? EXIT_FAILED : show(options, &list);

	xdp_ours_free(&list);
	return status;
}

/* ---- detach ---- */

struct detach {
	const struct xdp_ours_list *list;
	json_t *removed, *left;                   /* NULL: lines to stdout */
	int status;
};

/* A link goes with the pin that is about to be taken away. */
static bool is_pinned(const struct xdp_ours_list *list, const struct xdp_ours *link)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind == XDP_OURS_PIN && list->items[i].object == XDP_OBJECT_LINK && list->items[i].id == link->id)
			return true;
	return false;
}

static void tell(struct detach *d, const struct xdp_ours *item, const char *why)
{
	char text[384];
	json_t *json;

	if (d->removed) {
		json = item_json(item);
		if (json && why)
			json_object_set_new(json, "why", json_string(why));
		json_array_append_new(why ? d->left : d->removed, json);
		return;
	}
	describe(item, text, sizeof(text));
	printf("%s %s%s%s\n", why ? "left" : "removed", text, why ? ": " : "", why ? why : "");
}

static void remove_item(struct detach *d, const struct xdp_ours *item)
{
	int err = xdp_ours_remove(item);
	bool is_denied = err == -EPERM || err == -EACCES;
	char why[96] = "";

	if (is_denied)
		snprintf(why, sizeof(why), "not permitted: %s",
			 item->kind == XDP_OURS_FILTER ? "CAP_NET_ADMIN is missing" : "run as its owner or as root");
	else if (err && err != -ENOENT)           /* another one was faster */
		snprintf(why, sizeof(why), "%s", strerror(-err));
	tell(d, item, *why ? why : NULL);
	if (*why && d->status != EXIT_PERMISSION)
		d->status = is_denied ? EXIT_PERMISSION : EXIT_FAILED;
}

static void consider(struct detach *d, const struct xdp_ours *item)
{
	char why[96];

	if (item->pid) {
		snprintf(why, sizeof(why), "process %d uses it; it goes when that ends", item->pid);
		tell(d, item, why);
	} else if (item->kind != XDP_OURS_LINK || item->hook == XDP_HOOK_DISPATCHER) {
		remove_item(d, item);
	} else if (!is_pinned(d->list, item)) {
		tell(d, item, "a process or pin that cannot be seen from here holds it");
	}
}

int detach_run(const struct options *options)
{
	struct xdp_ours_list list;
	struct detach d = { .list = &list, .status = EXIT_DONE };

	if (options->json) {
		d.removed = json_array();
		d.left = json_array();
	}
	if (find(&list))
		d.status = EXIT_FAILED;
	for (size_t i = 0; d.status != EXIT_FAILED && i < list.count; i++)
		consider(&d, &list.items[i]);
	if (list.count)
		xdp_ours_remove_folders();
	if (list.links)
		log_warn("links cannot be listed (%s), so one in a dispatcher of libxdp may be left; run as root", strerror(-list.links));
	if (options->json && print_json(json_pack("{s:o, s:o}", "removed", d.removed, "left", d.left)))
		d.status = EXIT_FAILED;
	else if (!options->json && !list.count && d.status == EXIT_DONE)
		printf("nothing of devourer's is attached or pinned\n");
	xdp_ours_free(&list);
	return d.status;
}

#else

static int nothing(const struct options *options)
{
	printf(options->json ? "{}\n" : "nothing is ever attached or pinned on this system\n");
	return EXIT_DONE;
}

int status_run(const struct options *options)
{
	return nothing(options);
}

int detach_run(const struct options *options)
{
	return nothing(options);
}

#endif
