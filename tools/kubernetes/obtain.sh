#!/usr/bin/env bash
# Prints a folder with etcd, kube-apiserver and kubectl for tests against a real Kubernetes (npm run
# test:kubernetes). Builds what is missing from the Go module proxy: 10 to 20 minutes on two cores the
# first time, then nothing. $KUBEBUILDER_ASSETS names a folder that already has them, and with
# $KUBECONFIG_FOR_TESTS nothing is needed; --cached fails instead of building.
set -euo pipefail
cd "$(dirname "$0")"

if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
	echo "$KUBEBUILDER_ASSETS"
	exit
fi

[[ -z ${KUBECONFIG_FOR_TESTS:-} ]] || exit 0

version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' go.mod)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/iotedge-k8s/kubernetes/$version
IFS=. read -r major minor _ <<<"${version#v}"

# Without these Kubernetes calls itself v0.0.0, and clients decide by its version.
flags='-s -w'
for variable in gitVersion="$version" gitMajor="$major" gitMinor="$minor" gitTreeState=clean; do
	flags+=" -X k8s.io/component-base/version.$variable -X k8s.io/client-go/pkg/version.$variable"
done

build() { # program package
	[[ -x $folder/$1 ]] && return
	if [[ $mode == --cached ]]; then
		echo "$folder has no $1; run tools/kubernetes/obtain.sh" >&2
		exit 1
	fi
	echo "building $1 for $version …" >&2
	local started=$SECONDS
	# Under another name until it is complete: an interrupted build must not look like a finished one.
	CGO_ENABLED=0 nice -n 10 go build -ldflags "$flags" -o "$folder/.$1.$$" "$2" >&2
	mv "$folder/.$1.$$" "$folder/$1"
	echo "built $1 in $((SECONDS - started)) s" >&2
}

mode=${1:-}
mkdir -p "$folder"
build etcd go.etcd.io/etcd/server/v3
build kubectl k8s.io/kubernetes/cmd/kubectl
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
echo "$folder"
