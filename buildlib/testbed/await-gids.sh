# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=bash
# Sourced in a guest, with an RDMA device and GIDs: waits until its port is active and has them. The kernel adds the GID
# of an address, and activates the port of a link, by a work queue.

device=$1
shift
port=/sys/class/infiniband/$device/ports/1
for _ in {1..6000}; do  # five minutes, for a busy host
    read -r state < "$port"/state
    table=
    for index in {0..15}; do  # of a thousand: to read all takes an emulated processor a second
        if read -r gid < "$port/gids/$index"; then table="$table $gid"; fi
    done 2>/dev/null
    missing=
    for gid in "$@"; do
        case "$table" in *$gid*) ;; *) missing="$missing $gid" ;; esac
    done
    if [ "$state" = "4: ACTIVE" ] && [ -z "$missing" ]; then return 0; fi
    sleep 0.05
done
echo "$device: port is $state; missing GIDs:$missing" >&2
return 1
