#!/usr/bin/env bash
# usage: machine.sh <command> …
#
# Runs a command on what looks to it like a machine of its own: with processes, a network, mounts and
# control groups that are not this machine's, so that a kubelet, a kube-proxy and containers leave
# nothing behind, however the command ends. Needs root. Exit code 99: this machine does not permit it.
#
# The command finds $NODE_FOLDER, a folder for the node's files; $NODE_ADDRESS, the one address of the
# machine besides the loopback; $NODE_CGROUP, the control group for its pods.
set -euo pipefail

impossible=99

outside() {
	NODE_FOLDER=$(mktemp -d /var/tmp/iotedge-k8s-node-XXXXXX)
	NODE_CGROUP=/${NODE_FOLDER##*/}
	export NODE_FOLDER NODE_CGROUP
	trap 'remove_groups; rm -rf --one-file-system "$NODE_FOLDER"' EXIT
	# A signal ends the machine first, so that its folder is no longer in use. unshare minds no other one.
	trap 'kill -KILL "$machine"; wait "$machine" || exit 130' INT TERM HUP
	remove_leftovers
	make_groups || exit $impossible
	unshare --net --mount --pid --fork --kill-child --mount-proc -- "$0" --inside "$@" <&0 &
	machine=$!
	wait "$machine"
}

# What runs that were killed have left: their processes ended with them, their folders did not.
remove_leftovers() {
	local folder
	for folder in /var/tmp/iotedge-k8s-node-*; do
		[[ $folder != "$NODE_FOLDER" && -d $folder && ! -e /proc/$(cat "$folder/owner" 2>/dev/null || echo 0) ]] || continue
		find /sys/fs/cgroup -depth -type d -path "*/${folder##*/}*" -exec rmdir {} + 2>/dev/null || true
		rm -rf --one-file-system "$folder" || true
	done
	echo $$ >"$NODE_FOLDER/owner"
}

# Of cgroup v1 every controller has a tree of its own; v2 has one.
cgroup_trees() {
	if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
		echo /sys/fs/cgroup
	else
		find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d
	fi
}

make_groups() {
	local tree
	for tree in $(cgroup_trees); do mkdir -p "$tree$NODE_CGROUP" || return 1; done
}

remove_groups() {
	local try
	for try in 1 2 3 4 5 6 7 8 9 10; do
		find /sys/fs/cgroup -depth -type d -path "*$NODE_CGROUP*" -exec rmdir {} + 2>/dev/null || true
		[[ -n $(find /sys/fs/cgroup -type d -path "*$NODE_CGROUP" 2>/dev/null) ]] || return 0
		# The last processes are still ending.
		sleep 0.2
	done
}

inside() {
	disk=$NODE_FOLDER
	export NODE_ADDRESS=10.89.0.1 NODE_FOLDER=/mnt TMPDIR=/mnt/tmp
	set_up || exit $impossible
	# The first process of a machine ends all others when it ends; it has to wait for orphans, too.
	"$@" &
	local command=$!
	trap 'kill "$command"' INT TERM
	while :; do
		local code=0
		wait "$command" || code=$?
		kill -0 "$command" 2>/dev/null || exit "$code"
	done
}

set_up() {
	# As on a real machine: what is mounted in one place is seen in others.
	mount --make-rshared / &&
		mkdir -p "$disk"/{var,work,node/tmp} &&
		mount --bind "$disk/node" "$NODE_FOLDER" &&
		mount -t overlay overlay -o "lowerdir=/var,upperdir=$disk/var,workdir=$disk/work" /var &&
		mount -t tmpfs tmpfs /run &&
		own_settings &&
		ip link set lo up &&
		ip link add node0 type bridge &&
		ip address add "$NODE_ADDRESS/32" dev node0 &&
		ip link set node0 up &&
		ip route add default dev node0 &&
		sysctl -qw net.ipv4.ip_forward=1 &&
		iptables -t nat -A PREROUTING -m comment --comment probe -j RETURN &&
		iptables -t nat -D PREROUTING -m comment --comment probe -j RETURN
}

# The kubelet sets these for the whole kernel; here it writes files that nothing reads.
own_settings() {
	local name
	mkdir -p /run/settings
	for name in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
		kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
		[[ -e /proc/sys/$name ]] || continue
		cat "/proc/sys/$name" >"/run/settings/${name//\//-}" &&
			mount --bind "/run/settings/${name//\//-}" "/proc/sys/$name" || return 1
	done
}

if [[ ${1:-} == --inside ]]; then
	shift
	inside "$@"
else
	outside "$@"
fi
