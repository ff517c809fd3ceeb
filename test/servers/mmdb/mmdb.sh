#!/usr/bin/env bash
# GeoIP test databases: MaxMind's own test data (GeoIP2-City-Test.mmdb and others), which the source package of PyPI's geoip2
# carries. Made-up networks, a few hundred of them: 81.2.69.142 is London.
#   mmdb.sh install      prints the folder they lie in
set -euo pipefail
version=5.1.0
folder=${XDG_CACHE_HOME:-$HOME/.cache}/tek-test-data/mmdb-$version

die() {
  echo "mmdb: $*" >&2
  exit 1
}

[ "${1:-}" = install ] || die "usage: $0 install"
if [ ! -f "$folder/GeoIP2-City-Test.mmdb" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  python3 -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: -d "$work" "geoip2==$version" >&2 ||
    die "pip cannot download geoip2 $version"
  tar xzf "$work"/geoip2-*.tar.gz -C "$work"
  mkdir -p "$folder.part"
  cp "$work"/geoip2-*/tests/data/test-data/*-Test.mmdb "$folder.part"
  # By rename: a folder that is there is whole.
  rm -rf "$folder"
  mv "$folder.part" "$folder"
fi
echo "$folder"
