#!/bin/sh
# Runs on the host, inside mmdebstrap, on the freshly installed root "$1": makes the user and Windows' side of the guest.
set -eu
root=$1
here=$(dirname "$0")
wine=/usr/lib/x86_64-linux-gnu/wine
drive=/home/smolvm/.wine/drive_c

as_user() {
    chroot "$root" /usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups /usr/bin/env -i \
        HOME=/home/smolvm USER=smolvm LANG=C.UTF-8 PATH=/usr/bin WINEPREFIX=/home/smolvm/.wine WINEDEBUG=-all \
        WINEDLLOVERRIDES='mscoree,mshtml,winemenubuilder.exe=' XDG_RUNTIME_DIR=/tmp "$@"
}

# The password is published, so its hash may be cheap: a login pays for it every time.
echo 'smolvm:x:1000:1000::/home/smolvm:/usr/lib/practice/shell' >>"$root/etc/passwd"
echo 'smolvm:x:1000:' >>"$root/etc/group"
echo 'smolvm:$1$practice$HASH:20000:0:99999:7:::' | sed "s|HASH|$PASSWORD_HASH|" >>"$root/etc/shadow"
mkdir -p "$root/home/smolvm" "$root/usr/lib/practice"
chown 1000:1000 "$root/home/smolvm"
echo PRACTICE >"$root/etc/hostname"
echo '127.0.0.1 localhost PRACTICE' >"$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"

# Nine tenths of wine's libraries are symbols for debuggers. What is stripped here is what the prefix copies.
find "$root$wine/x86_64-windows" -type f -print0 | xargs -0 -n 64 -P "$(nproc)" strip --strip-all 2>/dev/null || true

as_user /usr/lib/wine/wine64 wineboot --init
mv "$root$drive/users" "$root$drive/Users"
cp "$here/windows.reg" "$root$drive/windows.reg"
as_user /usr/lib/wine/wine64 regedit /S 'C:\windows.reg'
as_user /usr/lib/wine/wineserver64 --wait
rm "$root$drive/windows.reg"

# A file that Windows has twice is on the disk once.
for file in "$root$drive"/windows/system32/*.* "$root$drive"/windows/*.*; do
    twin=$root$wine/x86_64-windows/${file##*/}
    if [ -f "$file" ] && [ -f "$twin" ] && cmp -s "$file" "$twin"; then
        ln -f "$twin" "$file"
    fi
done
