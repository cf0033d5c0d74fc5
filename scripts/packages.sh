#!/usr/bin/env bash
# Install what is missing of the Debian packages named as arguments, and a .NET SDK, which builds the practice image's PowerShell.
# Where no repository of this host has the SDK, stop before anything is installed, and say what to type.
set -euo pipefail
SDK=dotnet-sdk-10.0
root=()
[ "$(id -u)" = 0 ] || root=(sudo)

present=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | awk '$1 == "ii" {print $2}' | sort || true)
mapfile -t missing < <(comm -13 <(echo "$present") <(printf '%s\n' "$@" | sort))
command -v dotnet >/dev/null || missing+=("$SDK")
[ ${#missing[@]} != 0 ] || exit 0

"${root[@]}" apt-get update -qq
if [ "${missing[-1]}" = "$SDK" ] && ! apt-cache show "$SDK" >/dev/null 2>&1; then
    # shellcheck source=/dev/null
    source "${OS_RELEASE:-/etc/os-release}"
    cat >&2 <<TEXT
The practice image needs the .NET SDK 10 (the program dotnet), and no repository of this host has the package $SDK.
Microsoft's has it. Type:

    ${root[*]/%/ }apt-get install -y wget ca-certificates
    wget https://packages.microsoft.com/config/$ID/$VERSION_ID/packages-microsoft-prod.deb
    ${root[*]/%/ }dpkg -i packages-microsoft-prod.deb

and then the same make command again, which installs the SDK from there.
TEXT
    exit 1
fi

echo "installing packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    exit 1
}
