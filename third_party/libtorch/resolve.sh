#!/bin/sh
# Finds the libtorch to build with.
#
#   resolve.sh --check     judges the settings
#   resolve.sh --install   also installs what is missing, once per version, under the cache directory
#   resolve.sh --root      prints the directory that holds include/ and lib/
#
#   ETA_LIBTORCH_PATH    an unpacked libtorch, or a Python site-packages with torch in it, used as it is
#   ETA_TORCH_BACKEND    cpu (default), cu126, cu128, cu130
#   ETA_LIBTORCH_VER     2.11.0
#
# pip brings it: torch's wheel carries the headers and libraries. Of its requirements `cpu` takes only the two that
# libtorch_cpu.so is linked with. cu126 and cu128 need an index that carries them (PIP_INDEX_URL or pip's settings).
set -eu

known_version=2.11.0
version=${ETA_LIBTORCH_VER:-$known_version}
backend=${ETA_TORCH_BACKEND:-cpu}
trees=${XDG_CACHE_HOME:-$HOME/.cache}/eta/libtorch
tree=$trees/$version-$backend

die() {
  echo "error: $*" >&2
  exit 2
}

# Succeeds, and prints the root, if $1 is a libtorch or a site-packages that holds one.
root_of() {
  for root in "$1" "$1/torch"; do
    if [ -f "$root/include/ATen/core/Tensor.h" ] && [ -f "$root/lib/libtorch_cpu.so" ]; then
      (cd "$root" && pwd -P)
      return
    fi
  done
  return 1
}

check_settings() {
  if [ -n "${ETA_LIBTORCH_PATH:-}" ]; then
    root_of "$ETA_LIBTORCH_PATH" >/dev/null || die "ETA_LIBTORCH_PATH=$ETA_LIBTORCH_PATH: there is no libtorch"
    return
  fi
  case $backend in
    cpu | cu126 | cu128 | cu130) ;;
    *) die "ETA_TORCH_BACKEND=$backend: use cpu, cu126, cu128 or cu130" ;;
  esac
  [ "$version" = "$known_version" ] ||
    die "ETA_LIBTORCH_VER=$version: only $known_version can be fetched; for another, set ETA_LIBTORCH_PATH to it"
}

requirements() {
  case $backend in
    cpu) echo --no-deps "torch==$version" nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85 ;;
    cu130) echo "torch==$version" ;;
    *) echo "torch==$version+$backend" ;;
  esac
}

# What to do when pip fails, whose own words stand above.
advice() {
  case $backend in
    cpu | cu130) echo "is the network there?" ;;
    *) echo "does PIP_INDEX_URL or PIP_EXTRA_INDEX_URL name an index that carries torch==$version+$backend?" ;;
  esac
}

# Installs beside the final place and renames, so that nobody ever sees half a tree.
install() {
  python3 -m pip --version >/dev/null 2>&1 || die "fetching libtorch needs pip: install python3-pip or set ETA_LIBTORCH_PATH"
  [ "$backend" = cpu ] && size="530 MB" || size="3 to 5 GB"
  echo "eta: fetching libtorch $version for $backend (about $size)" >&2
  mkdir -p "$trees"
  partial=$(mktemp -d "$trees/partial.XXXXXX")
  trap 'rm -rf "$partial"' EXIT
  mkdir "$partial/tmp"
  # shellcheck disable=SC2046  # one argument per requirement
  PIP_ROOT_USER_ACTION=ignore TMPDIR=$partial/tmp python3 -m pip install --quiet --no-compile --target "$partial/site" $(requirements) >&2 ||
    die "libtorch $version for $backend could not be fetched: $(advice)"
  chmod 755 "$partial/site"
  mv -T "$partial/site" "$tree" || root_of "$tree" >/dev/null || die "$tree is in the way: remove it"
}

check_settings
place=${ETA_LIBTORCH_PATH:-$tree}
case ${1:-} in
  --check) ;;
  --install) root_of "$place" >/dev/null || install ;;
  --root) root_of "$place" || die "$place: there is no libtorch" ;;
  *) die "usage: resolve.sh --check|--install|--root" ;;
esac
