#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The live path on other kernels than this one: boots Debian's kernel packages in qemu without acceleration
# and runs guest-init there. A kernel that cannot be had, or a machine without qemu, is skipped with the reason.
#
# usage: kernels.sh [VERSION...]   (6.1 and 6.12); DEVOURER names the program, KERNELS the folder where packages are kept,
# KERNEL_SECONDS (300) how long a guest may take.
set -euo pipefail
cd "$(dirname "$0")/../.."

devourer=$(realpath "${DEVOURER:-build/devourer}")
kernels=$(realpath -m "${KERNELS:-build/kernels}")
seconds=${KERNEL_SECONDS:-300}
work=$(mktemp -d)
passed=0 failed=0 skipped=0
trap 'rm -rf "$work"' EXIT

skip() {
	echo "ok kernel $1 # SKIP $2"
	skipped=$((skipped + 1))
}

# The first of these that this machine lacks; nothing when all are here.
missing() {
	local command
	for command; do
		command -v "$command" >/dev/null || { echo "$command" && return; }
	done
}

# ---- the kernel ----

# The newest package of this version that apt knows.
package_of() {
	apt-cache search --names-only "^linux-image-${1//./\\.}\\.[0-9].*-cloud-amd64\$" | cut -d ' ' -f 1 | sort -V | tail -n 1
}

# Unpack it, once, to $kernels/PACKAGE.
get_package() {
	local to=$kernels/$1
	[ ! -d "$to" ] || return 0
	mkdir -p "$work/deb" "$kernels"
	(cd "$work/deb" && timeout 300 apt-get -q download "$1") >"$work/apt" 2>&1 || return
	dpkg-deb -x "$work"/deb/*.deb "$work/unpacked" && rm -rf "$work/deb"
	mv "$work/unpacked" "$to"
}

# ---- what the guest gets ----

# add FILE...: a program with its libraries, to bin of the root.
add() {
	local file library
	for file; do
		cp -L "$file" "$root/bin/"
		{ ldd "$file" 2>/dev/null || true; } | sed -nE 's,^[^/]*(/[^ ]*) .*,\1,p' | while read -r library; do
			[ -e "$root$library" ] || install -D "$library" "$root$library"
		done
	done
}

add_modules() {
	local name file
	mkdir -p "$root/modules"
	for name in veth sch_ingress cls_bpf; do
		file=$(find "$1/lib/modules" -name "$name.ko*" | head -n 1)
		case $file in
		*.xz) xz -dc "$file" >"$root/modules/$name.ko" ;;
		*.zst) zstd -qdc "$file" >"$root/modules/$name.ko" ;;
		?*) cp "$file" "$root/modules/" ;;
		esac
	done
}

# What is the same for all kernels; the dispatcher of libxdp lies where its library looks for it.
make_root() {
	local name dispatcher
	root=$work/root
	mkdir -p "$root"/{bin,dev,proc,sys,tmp}
	add "$(command -v busybox)"
	for name in $("$root/bin/busybox" --list); do
		ln -s busybox "$root/bin/$name" 2>/dev/null || true
	done
	rm -f "$root"/bin/{ip,tc,setpriv}
	add "$(command -v ip)" "$(command -v tc)" "$(command -v setpriv)" "$(command -v jq)"
	cp "$devourer" "$work/devourer"
	add "$work/devourer"
	"${CC:-cc}" -std=gnu11 -O2 -o "$work/send" tests/live/send.c
	add "$work/send"
	cp tests/live/guest-init "$root/init"
	dispatcher=$(find /usr/lib /usr/lib64 -name xdp-dispatcher.o 2>/dev/null | head -n 1)
	if [ -z "$(missing xdp-loader bpftool clang)" ] && [ -n "$dispatcher" ]; then
		add "$(command -v xdp-loader)" "$(command -v bpftool)"
		install -D "$dispatcher" "$root$dispatcher"
		clang -O2 -g -target bpf "-I/usr/include/$(uname -m)-linux-gnu" -c -o "$root/other.bpf.o" tests/live/other.bpf.c
	fi
}

# Two capabilities, by a user who is not root.
as_user='/bin/setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all,+bpf,+net_admin --inh-caps=-all,+bpf,+net_admin --ambient-caps=-all,+bpf,+net_admin'

# boot FOLDER EGRESS: what the guest prints, but its console's noise.
boot() {
	local image
	image=$(find "$1/boot" -name 'vmlinuz-*')
	rm -rf "$root/modules"
	add_modules "$1"
	printf 'egress=%s\ntwo_capabilities="%s"\n' "$2" "$as_user" >"$root/expect"
	(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd"
	timeout --kill-after=5 "$seconds" qemu-system-x86_64 -accel tcg -cpu max -m 1G -smp 2 -nodefaults -nographic -no-reboot \
		-serial stdio -kernel "$image" -initrd "$work/initrd" -append 'console=ttyS0 panic=-1 quiet loglevel=3' </dev/null 2>&1 | tr -d '\r'
}

# ---- the tests ----

# check VERSION EGRESS
check() {
	local package p f s start=$SECONDS
	package=$(package_of "$1")
	if [ -z "$package" ]; then
		skip "$1" "apt knows no package linux-image-$1.*-cloud-amd64"
		return
	elif ! get_package "$package"; then
		skip "$1" "$package: $(tail -n 1 "$work/apt")"
		return
	fi
	boot "$kernels/$package" "$2" >"$work/console" || true
	sed -nE "s/^(ok|not ok) /\\1 kernel $1: /p;s/^    /    /p" "$work/console"
	read -r p f s < <(sed -n 's/^total //p' "$work/console") || true
	if [ -z "${p:-}" ]; then
		echo "not ok kernel $1: the guest comes to its end"
		tail -n 20 "$work/console" | sed 's/^/    /'
		failed=$((failed + 1))
		return
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	echo "    $package, $((SECONDS - start)) s"
}

[ $# -gt 0 ] || set -- 6.1 6.12
lacks=$(missing qemu-system-x86_64 busybox cpio apt-get dpkg-deb setpriv jq ip tc)
[ "$(uname -sm)" = "Linux x86_64" ] || lacks="Linux on x86_64"
if [ -n "$lacks" ]; then
	for version; do
		skip "$version" "needs $lacks"
	done
	set --
else
	make_root
fi
for version; do
	case $version in
	[0-5].* | 6.[0-5]) check "$version" clsact ;;
	*) check "$version" tcx ;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
