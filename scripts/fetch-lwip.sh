#!/usr/bin/env bash
# Fetches lwIP's source as Debian has it, and unpacks it into a folder, once. The system's own package sources stay as they
# are: what apt needs is in a folder beside it. Checked by apt against Debian's archive keys.
#
#   scripts/fetch-lwip.sh <folder>          then: <folder>/src/include/lwip/tcp.h …
set -euo pipefail
folder=$(realpath -m "${1:?usage: fetch-lwip.sh <folder>}")
[ ! -e "$folder/src/include/lwip/tcp.h" ] || exit 0

for tool in apt-get dpkg-source; do
    command -v $tool >/dev/null || { echo "fetch-lwip: no $tool; run scripts/install-dependencies.sh test" >&2; exit 1; }
done
# From the mirror that this machine has its packages from.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Codename: bookworm' 2>/dev/null | sort -u | head -n 1)
mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
cat >"$work/sources.list" <<END
deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} bookworm main
END
apt=(apt-get -q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists"
    -o "Dir::Cache=$work/cache" -o APT::Sandbox::User= -o "Dir::State::status=/var/lib/dpkg/status")
(
    cd "$work"
    "${apt[@]}" update
    "${apt[@]}" source lwip
) >"$work/log" 2>&1 || { cat "$work/log" >&2; echo "fetch-lwip: apt-get source lwip failed (see above)" >&2; exit 1; }
unpacked=("$work"/lwip-*/)
[ -e "${unpacked[0]}/src/include/lwip/tcp.h" ] || { echo "fetch-lwip: the package has no lwip/tcp.h" >&2; exit 1; }
rm -rf "$folder"
mv "${unpacked[0]}" "$folder"
