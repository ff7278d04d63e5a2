#!/usr/bin/env bash
# usage: obtain.sh [--cached] program …
#
# Prints where each program is that tests against a real Kubernetes start, one path a line. Builds what
# is missing from the Go module proxy, at the versions of the go.mod files here, and keeps it: minutes
# the first time, then nothing. A program in the folder $KUBEBUILDER_ASSETS is taken from there; with
# $KUBECONFIG_FOR_TESTS there is a cluster, so that none is made. --cached fails instead of building.
set -euo pipefail
cd "$(dirname "$0")"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/iotedge-k8s

version() { # module, folder of its go.mod
	sed -nE "s#^(require)?[[:space:]]*$1 (v[^ ]+).*#\2#p" "$2/go.mod"
}

kubernetes=$(version k8s.io/kubernetes .)
helm=$(version helm.sh/helm/v4 helm)
coredns=$(version github.com/coredns/coredns coredns)-$(cksum <coredns/main.go | cut -d ' ' -f 1)

# Without these Kubernetes calls itself v0.0.0, and clients decide by its version.
kubernetes_flags() {
	local major minor variable
	IFS=. read -r major minor _ <<<"${kubernetes#v}"
	for variable in gitVersion="$kubernetes" gitMajor="$major" gitMinor="$minor" gitTreeState=clean; do
		echo -n " -X k8s.io/component-base/version.$variable -X k8s.io/client-go/pkg/version.$variable"
	done
}

build() { # program, folder, folder of its go.mod, package, linker flags
	local program=$1 folder=$2 module=$3 package=$4 flags=${5:-}
	if [[ $mode == --cached ]]; then
		echo "$folder has no $program; run tools/kubernetes/obtain.sh $program" >&2
		exit 1
	fi
	if ! command -v go >/dev/null; then
		echo "There is no $program in $folder and no Go to build it with; install Go 1.26 or newer." >&2
		exit 1
	fi
	echo "building $program …" >&2
	mkdir -p "$folder"
	local started=$SECONDS
	# Under another name until it is complete: an interrupted build must not look like a finished one.
	CGO_ENABLED=0 nice -n 10 go build -C "$module" -ldflags "-s -w $flags" -o "$folder/.$program.$$" "$package" >&2
	mv "$folder/.$program.$$" "$folder/$program"
	echo "built $program in $((SECONDS - started)) s" >&2
}

obtain() { # program
	local program=$1 assets=${KUBEBUILDER_ASSETS:-}
	if [[ -n ${KUBECONFIG_FOR_TESTS:-} && $program =~ ^(etcd|kube) ]]; then
		return
	fi
	if [[ -n $assets && -x $assets/$program ]]; then
		echo "$assets/$program"
		return
	fi
	local folder=$cache/kubernetes/$kubernetes module=. package=k8s.io/kubernetes/cmd/$program flags
	flags=$(kubernetes_flags)
	case $program in
	etcd) package=go.etcd.io/etcd/server/v3 flags='' ;;
	pause) package=./pause flags='' ;;
	helm)
		folder=$cache/helm/$helm module=helm package=helm.sh/helm/v4/cmd/helm
		flags="-X helm.sh/helm/v4/internal/version.version=$helm"
		;;
	coredns) folder=$cache/coredns/$coredns module=coredns package=. flags='' ;;
	esac
	[[ -x $folder/$program ]] || build "$program" "$folder" "$module" "$package" "$flags"
	echo "$folder/$program"
}

mode=
if [[ ${1:-} == --cached ]]; then
	mode=$1
	shift
fi
for program in "$@"; do obtain "$program"; done
