#!/bin/busybox sh
# The guest's first program: makes a root file system of the host's (read-only), the guest's layer above it and a writable one in memory.
set -e
busybox=/bin/busybox

$busybox mount -t devtmpfs dev /dev
while read -r module; do $busybox insmod "/boot/$module"; done </boot/order

virtio=trans=virtio,version=9p2000.L,msize=512000
$busybox mount -t 9p -o "$virtio,cache=loose,ro" host /host
$busybox mount -t 9p -o "$virtio,cache=loose,ro" guest /guest
$busybox mount -t tmpfs -o mode=755 memory /memory
$busybox mkdir /memory/upper /memory/work
$busybox mount -t overlay -o lowerdir=/guest:/host,upperdir=/memory/upper,workdir=/memory/work root /new

$busybox mkdir -p /new/run
$busybox mount -t tmpfs -o mode=755 run /new/run
$busybox mkdir /new/run/lab /new/run/netns
$busybox mount -t 9p -o "$virtio,cache=none" run /new/run/lab
$busybox mount --move /dev /new/dev
exec $busybox switch_root /new /usr/bin/busybox sh /run/lab/run-command.sh
