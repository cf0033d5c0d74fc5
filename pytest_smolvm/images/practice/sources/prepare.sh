#!/bin/sh
# Runs on the host, inside mmdebstrap, on the freshly installed root "$1": makes the user and Windows' side of the guest.
# /windows.reg in the root holds what differs from wine's own registry.
set -eu
root=$1
wine=/usr/lib/x86_64-linux-gnu/wine
drive=/home/smolvm/.wine/drive_c

as_user() {
    chroot "$root" /usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups /usr/bin/env -i \
        HOME=/home/smolvm USER=smolvm LANG=C.UTF-8 PATH=/usr/bin WINEPREFIX=/home/smolvm/.wine WINEDEBUG=-all \
        WINEDLLOVERRIDES='mscoree,mshtml,winemenubuilder.exe=' XDG_RUNTIME_DIR=/tmp "$@"
}

# The password is "smolvm" and published, so its hash may be cheap: every login pays for it.
echo 'smolvm:x:1000:1000::/home/smolvm:/usr/lib/practice/shell' >>"$root/etc/passwd"
echo 'smolvm:x:1000:' >>"$root/etc/group"
echo 'smolvm:$1$practice$HDQX5FWKq5Y/8Fk71KWzS0:20000:0:99999:7:::' >>"$root/etc/shadow"
mkdir -p "$root/home/smolvm" "$root/usr/lib/practice"
chown 1000:1000 "$root/home/smolvm"
echo PRACTICE >"$root/etc/hostname"
echo '127.0.0.1 localhost PRACTICE' >"$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"

# Nine tenths of wine's libraries are symbols for debuggers. What is stripped here is what the prefix copies. Aligned to
# pages, since wine maps such files; others it reads, and every process has copies of its own, whose code an emulator
# translates anew. A 32-bit program or one that is no library stays as it is.
find "$root$wine/x86_64-windows" -type f -print0 |
    xargs -0 -n 1 -P "$(nproc)" objcopy --strip-all --file-alignment=4096 2>/dev/null || true

as_user /usr/lib/wine/wine64 wineboot --init
mv "$root$drive/users" "$root$drive/Users"
mv "$root/windows.reg" "$root$drive/windows.reg"
as_user /usr/lib/wine/wine64 regedit /S 'C:\windows.reg'
set_expanding() {
    as_user /usr/lib/wine/wine64 reg add "$1" /v "$2" /t REG_EXPAND_SZ /d "$3" /f
}
set_expanding 'HKCU\Environment' TEMP '%USERPROFILE%\AppData\Local\Temp'
set_expanding 'HKCU\Environment' TMP '%USERPROFILE%\AppData\Local\Temp'
windows=%SystemRoot%
set_expanding 'HKLM\System\CurrentControlSet\Control\Session Manager\Environment' PATH \
    "$windows\\system32;$windows;$windows\\System32\\Wbem;$windows\\System32\\WindowsPowerShell\\v1.0\\;$windows\\System32\\OpenSSH\\"
as_user /usr/lib/wine/wineserver64 --wait
rm "$root$drive/windows.reg"

# A file that Windows has twice is on the disk once.
for file in "$root$drive"/windows/system32/*.* "$root$drive"/windows/*.*; do
    twin=$root$wine/x86_64-windows/${file##*/}
    if [ -f "$file" ] && [ -f "$twin" ] && cmp -s "$file" "$twin"; then
        ln -f "$twin" "$file"
    fi
done

# Our own take the place of these; wine would prefer its built-in ones.
system=$root$drive/windows/system32
rm -rf "$system/shutdown.exe" "$system"/[Ww]indows[Pp]ower[Ss]hell
rm -f "$root$wine/x86_64-windows/shutdown.exe" "$root$wine/x86_64-windows/powershell.exe"
# Not Windows' business: the whole Linux file system as a drive.
rm -f "$root/home/smolvm/.wine/dosdevices/z:"

# Nor video: wine wants these libraries installed, but nothing here plays films.
cd "$root/usr/lib/x86_64-linux-gnu"
for name in avcodec avformat x264 x265 codec2 SvtAv1 aom rav1e jxl vpx heif hwy dav1d openmpt rsvg gav1 gphoto2 gstreamer; do
    rm -rf lib$name*
done
rm -rf gconv wine/x86_64-unix/winedmo.so "$root"/usr/lib/udev/hwdb.d "$root"/usr/share/mime
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/usr/share/wine/gecko "$root"/usr/share/wine/mono
rm -f "$root"/etc/ssh/ssh_host_rsa_key*
