#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=dash
# The init of guests: mounts the shared root, that of the host or another, below a tmpfs overlay, so that a guest has its
# files and cannot change them. Then it starts the agent there.
#
# From the kernel command line: rdmasec.agent=PATH, and rdmasec.keep=DIR:DIR, folders that a guest sees at their place
# even if its own /tmp or /run would hide them. With rdmasec.tree=TAG they come from that share, as the root is not that
# of the host.

b=/bin/busybox
fail() { echo "init: $*"; $b sleep 1; $b poweroff -f; }

$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
while read -r module; do
    $b insmod "/modules/$module" || fail "module $module"
done < /modules/order

for word in $($b cat /proc/cmdline); do
    case "$word" in
        rdmasec.agent=*) agent="${word#*=}" ;;
        rdmasec.keep=*) keep="${word#*=}" ;;
        rdmasec.tree=*) tree="${word#*=}" ;;
    esac
done

share() { # TAG WHERE OPTIONS
    $b mkdir -p "$2"
    $b mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144,$3" "$1" "$2" || fail "share $1"
}

overlay() { # TAG WHERE: the share below the changes of the guest
    $b mkdir -p "/lower/$1" "/scratch/$1/upper" "/scratch/$1/work" "$2"
    share "$1" "/lower/$1" ro,cache=loose
    layers="lowerdir=/lower/$1,upperdir=/scratch/$1/upper,workdir=/scratch/$1/work"
    $b mount -t overlay -o "$layers" overlay "$2" || fail "overlay $1"
}

$b mkdir -p /scratch /root
$b mount -t tmpfs scratch /scratch
overlay root /overlay
$b mount -o bind /overlay /root
kept_from=/overlay
if [ -n "$tree" ]; then
    overlay "$tree" /tree
    kept_from=/tree
fi

share modules /root/lib/modules ro,cache=loose
$b mount -t proc proc /root/proc
$b mount -t sysfs sys /root/sys
$b mount -t devtmpfs dev /root/dev
$b mkdir -p /root/dev/pts /root/dev/shm
$b mount -t devpts -o mode=620,ptmxmode=666 devpts /root/dev/pts
$b mount -t tmpfs -o mode=1777 shm /root/dev/shm
$b mount -t tmpfs -o mode=755 run /root/run
$b mount -t tmpfs -o mode=1777 tmp /root/tmp
$b mkdir -p /root/run/lock
$b mount -t debugfs debug /root/sys/kernel/debug 2>/dev/null
$b mount -t cgroup2 cgroup /root/sys/fs/cgroup
$b mount -t bpf bpf /root/sys/fs/bpf
$b ln -s /proc/self/fd /root/dev/fd

IFS=:
for folder in $keep; do
    $b mkdir -p "/root$folder"
    $b mount -o bind "$kept_from$folder" "/root$folder" || fail "folder $folder"
done
unset IFS

# Guests write here and the host reads, so nothing is cached.
share results /root/run/results rw,cache=none

# The shell stays as init: it reaps the processes that scenarios leave behind, and ends the guest if the agent ends.
exec $b switch_root /root $b sh -c "/usr/bin/python3 -IS '$agent' & wait; echo 'init: agent ended'; $b poweroff -f"
