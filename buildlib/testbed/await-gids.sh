# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=bash
# Sourced in a guest, with an RDMA device and GIDs: waits until its port is active and has them.  A GID follows its
# address by way of a work queue, and a port its link.

device=$1
shift
port=/sys/class/infiniband/$device/ports/1
for _ in {1..400}; do
    read -r state < "$port"/state
    table=
    for index in {0..15}; do  # of a thousand: to read them all takes an emulated CPU a second
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
