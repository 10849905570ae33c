#!/bin/sh
# What `make test-interop` needs of Debian: installed where that can be done, else named, with exit status 2.
#
# - What is there is left alone: nothing is installed, and apt-get is not asked.
# - Installs only as root and where there is apt-get. The first argument is where Debian keeps Go's libraries.
set -eu
libraries=${1:-/usr/share/gocode}/src

missing() {
  command -v age >/dev/null || echo age
  command -v go >/dev/null || echo golang-go
  [ -d "$libraries/golang.org/x/mod/sumdb" ] || echo golang-golang-x-mod-dev
}

install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# Names of packages hold no spaces.
# shellcheck disable=SC2046
set -- $(missing)
[ $# -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  # A machine that has never fetched its lists of packages knows none.
  install "$@" || { apt-get update && install "$@"; } || true
  # shellcheck disable=SC2046
  set -- $(missing)
  [ $# -gt 0 ] || exit 0
fi
echo "test-interop needs: apt-get install -y --no-install-recommends $*" >&2
exit 2
