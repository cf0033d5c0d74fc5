#!/usr/bin/env bash
# The same guest without this project: qemu and ssh commands as a person would type them, timed.
#   bare.sh cold IMAGE CODE VARS ACCEL CPU MEMORY CPUS     boot, log in, run `ver`; prints seconds
#   bare.sh clone TEMPLATE CODE ACCEL CPU MEMORY CPUS      restore, log in, run `ver`; prints seconds
set -euo pipefail
dir=$(mktemp -d)
port=$((20000 + RANDOM % 20000))
ssh=(sshpass -p smolvm ssh -q -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5 smolvm@127.0.0.1)
finish() {
  [ ! -f "$dir/pid" ] || kill -KILL "$(cat "$dir/pid")" 2>/dev/null || true
  rm -rf "$dir"
}
trap finish EXIT
now() { date +%s.%N; }

machine() {  # CODE ACCEL CPU MEMORY CPUS, then more words
  swtpm socket --tpm2 --tpmstate dir="$dir" --ctrl type=unixio,path="$dir/tpm" --terminate --daemon
  local code=$1 accel=$2 cpu=$3 memory=$4 cpus=$5
  shift 5
  qemu-system-x86_64 -nodefaults -machine q35,smm=off,vmport=off,hpet=off,memory-backend=ram -accel "$accel" -cpu "$cpu" -smp "$cpus" \
    -m "${memory}M" -drive if=pflash,unit=0,readonly=on,format=raw,file="$code" -drive if=pflash,unit=1,format=qcow2,file="$dir/vars.qcow2" \
    -global ICH9-LPC.disable_s3=1 -device VGA,xres=1280,yres=800 -device vmgenid,guid=auto -device virtio-rng-pci -rtc base=utc,driftfix=slew \
    -device virtio-keyboard-pci -device virtio-tablet-pci \
    -drive id=disk,if=none,format=qcow2,cache=unsafe,discard=unmap,detect-zeroes=unmap,werror=stop,file="$dir/disk.qcow2" \
    -device virtio-scsi-pci,id=scsi -device scsi-hd,drive=disk,bootindex=0,discard_granularity=65536,rotation_rate=1 \
    -netdev user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:"$port"-:22 -device virtio-net-pci,netdev=net,mac=52:54:00:53:4d:56,romfile= \
    -chardev socket,id=tpm,path="$dir/tpm" -tpmdev emulator,id=tpm0,chardev=tpm -device tpm-crb,tpmdev=tpm0 \
    -display none -serial file:"$dir/serial" -daemonize -pidfile "$dir/pid" "$@"
}

first_command() { until "${ssh[@]}" ver >/dev/null 2>&1; do sleep 0.1; done; }

kind=$1
shift
start=$(now)
case $kind in
  cold)
    image=$1 code=$2 vars=$3
    shift 3
    qemu-img create -q -f qcow2 -F qcow2 -b "$image" "$dir/disk.qcow2"
    qemu-img create -q -f qcow2 -F raw -b "$vars" "$dir/vars.qcow2"
    machine "$code" "$@" -object "memory-backend-ram,id=ram,size=$3M"
    ;;
  clone)
    template=$1 code=$2
    shift 2
    qemu-img create -q -f qcow2 -F qcow2 -b "$template/disk.qcow2" "$dir/disk.qcow2"
    qemu-img create -q -f qcow2 -F qcow2 -b "$template/variables.qcow2" "$dir/vars.qcow2"
    machine "$code" "$@" -object "memory-backend-file,id=ram,size=$3M,mem-path=$template/memory,share=off" \
      -incoming defer -qmp "unix:$dir/qmp,server,nowait"
    printf '%s\n' '{"execute":"qmp_capabilities"}' \
      '{"execute":"migrate-set-capabilities","arguments":{"capabilities":[{"capability":"x-ignore-shared","state":true},{"capability":"events","state":true}]}}' \
      "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"exec:cat $template/state\"}}" >"$dir/words"
    python3 - "$dir/qmp" "$dir/words" <<'END'
import socket, sys
qmp = socket.socket(socket.AF_UNIX)
qmp.connect(sys.argv[1])
qmp.sendall(open(sys.argv[2], "rb").read())
seen = b""
while b'"completed"' not in seen:
    seen += qmp.recv(65536)
qmp.sendall(b'{"execute":"cont"}\n')
qmp.recv(65536)
END
    ;;
esac
first_command
echo "$(now) $start" | awk '{print $1 - $2}'
