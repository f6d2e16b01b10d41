#!/usr/bin/env bash
# Build the image without a Docker daemon: buildah, on a base that debootstrap makes once.
#   docker/build.sh [DOCKERFILE [TAG]]
# Needs root, Debian's buildah and debootstrap, and this host's access to Debian's packages and to
# a Python package index, for which its own certificates and pip configuration are used.
set -euo pipefail
cd "$(dirname "$0")/.."

file=${1:-Dockerfile} tag=${2:-chiasm}
suite=${SUITE:-bookworm}
base=localhost/chiasm-base:$suite
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}

[ "$(id -u)" = 0 ] || { echo "docker/build.sh: needs root" >&2; exit 1; }
for tool in buildah debootstrap; do
  command -v "$tool" > /dev/null || { echo "docker/build.sh: apt-get install $tool" >&2; exit 1; }
done

# Debian's smallest system with Python, less what nobody reads in a container.
make_base() {
  local root
  root=$(mktemp -d "${TMPDIR:-/var/tmp}/chiasm-base.XXXXXX")
  # shellcheck disable=SC2064  (the name of now)
  trap "rm -rf '$root'" EXIT
  debootstrap --variant=minbase --include=ca-certificates,python3-minimal,python3-venv \
    "$suite" "$root" > /dev/null
  rm -rf "$root"/usr/share/{doc,info,locale,man} "$root"/var/{cache/apt,lib/apt/lists,log}/*
  local container
  container=$(buildah from scratch)
  buildah copy --quiet "$container" "$root" / > /dev/null
  buildah config --cmd /bin/sh --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "$container"
  buildah commit --quiet --rm "$container" "$base" > /dev/null
}

if ! buildah inspect --type image "$base" > /dev/null 2>&1; then
  echo "making $base"
  make_base
fi

volumes=(--volume /etc/ssl/certs:/etc/ssl/certs:ro)
[ ! -f /etc/pip.conf ] || volumes+=(--volume /etc/pip.conf:/etc/pip.conf:ro)
# HEALTHCHECK is known to Docker's format only.
buildah build --format docker --layers "${volumes[@]}" --build-arg "BASE=$base" \
  --build-arg "VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)" \
  --build-arg "REVISION=$(git rev-parse HEAD 2> /dev/null || echo unknown)" \
  --file "$file" --tag "$tag" .
