#!/usr/bin/env bash
# usage: test-pods.sh [option of ava | test file] …
#
# Runs the tests with real pods (npm run test:pods): gets what they need, makes images and gives them a
# machine of their own. Where this machine cannot, prints SKIPPED with the reason, and is done.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
	echo "SKIPPED: the tests with real pods: $*"
	exit 0
}

# What Debian and Ubuntu call the package of a program.
declare -A packages=(
	[containerd]=containerd [ctr]=containerd [runc]=runc [iptables]=iptables [ip]=iproute2
	[unshare]=util-linux [mount]=mount [sysctl]=procps [tar]=tar [ldd]=libc-bin
	[/usr/lib/cni/ptp]=containernetworking-plugins
)

missing() {
	local program
	for program in "${!packages[@]}"; do
		command -v "$program" >/dev/null || echo "${packages[$program]}"
	done | sort -u
}

install() {
	command -v apt-get >/dev/null || return 1
	export DEBIAN_FRONTEND=noninteractive
	# Nothing is removed for it: another container engine may be installed.
	local options=(--yes --no-install-recommends --no-remove)
	apt-get install "${options[@]}" "$@" ||
		{ apt-get update && apt-get install "${options[@]}" "$@"; }
}

[[ $(uname -s) == Linux ]] || skip 'a kubelet needs Linux.'
[[ $(id -u) == 0 ]] || skip 'a kubelet needs root; run them with sudo --preserve-env=PATH,HOME.'
PATH=$PATH:/usr/sbin:/sbin
mapfile -t wanted < <(missing)
if ((${#wanted[@]} > 0)); then
	log=$(mktemp)
	install "${wanted[@]}" >"$log" 2>&1 </dev/null || tail -n 5 "$log" >&2
	rm -f "$log"
	left=$(missing | tr '\n' ' ')
	[[ -z $left ]] || skip "these packages are missing: $left"
fi

programs=(etcd kube-apiserver kubectl kube-controller-manager kube-scheduler kubelet kube-proxy coredns helm pause)
tools/kubernetes/obtain.sh "${programs[@]}" >/dev/null || skip 'Kubernetes cannot be built here, see above.'

# The probe comes before anything that takes long.
code=0
tools/kubernetes/machine.sh true || code=$?
((code != 99)) || skip 'this machine permits no network, mounts or control groups of their own, see above.'

NODE_IMAGES=$(node tools/images/command.ts "$(tools/kubernetes/obtain.sh --cached pause)")
export NODE_IMAGES
tools/kubernetes/machine.sh node_modules/.bin/ava --config ava.pods.config.js "$@"
