# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=bash
# Sourced in a guest, with the MAC address of its eth0: leaves a bare eth0, which is down.
#
# The start of a program takes a guest some 50 ms, so few are started if there is nothing to undo.

for device in /sys/class/infiniband/*; do
    if [ -e "$device" ]; then rdma link delete "${device##*/}"; fi
done
for namespace in /run/netns/*; do
    if [ -e "$namespace" ]; then ip netns delete "${namespace##*/}"; fi
done
for link in /sys/class/net/*; do
    case "${link##*/}" in
        lo|eth0) ;;
        *) if [ -d "$link" ]; then ip link delete "${link##*/}"; fi ;;  # a VLAN disappears with the link below it; bonding_masters is a file
    esac
done
if [ -d /sys/module/nf_tables ] && command -v nft >/dev/null; then nft flush ruleset; fi  # nft alone would load the module
# A flow that is tracked keeps its addresses for minutes, whatever the next rules say.
tracked=/proc/sys/net/netfilter/nf_conntrack_count
if [ -e $tracked ] && read -r flows <$tracked && [ "$flows" != 0 ] && command -v conntrack >/dev/null; then
    conntrack --flush 2>/dev/null
fi
bare=$(ip -batch - <<END
xfrm state flush
xfrm policy flush
xfrm policy flush ptype sub
xfrm policy setdefault in accept fwd accept out accept
link show dev eth0
link set eth0 down
link set eth0 mtu 1500 address $1
address flush dev eth0
neigh flush dev eth0 nud all
rule flush
rule add priority 32766 table main
rule add priority 32767 table default
link set lo up
END
)
case "$bare" in
    *" qdisc fq_codel "*|*" qdisc pfifo_fast "*|*" qdisc mq "*|*" qdisc noop "*|*" qdisc noqueue "*) ;;
    *) tc qdisc delete dev eth0 root ;;
esac
# The gate of a daemon outlives it.
if [ -e /sys/fs/bpf/rdmasec-entry ]; then rm -r /sys/fs/bpf/rdmasec-entry; fi
if [ -d /sys/fs/bpf/rdmasec ]; then
    tc qdisc delete dev eth0 clsact 2>/dev/null || :
    rm -r /sys/fs/bpf/rdmasec
fi
sysctl() { echo "$2" > "/proc/sys/net/$1"; }
sysctl core/xfrm_larval_drop 1
sysctl core/xfrm_acq_expires 30
sysctl ipv4/ip_forward 0
sysctl ipv4/conf/eth0/disable_xfrm 0
sysctl ipv6/conf/all/forwarding 0
sysctl ipv6/conf/all/disable_ipv6 0
sysctl ipv6/conf/default/accept_dad 0
sysctl ipv6/conf/eth0/accept_dad 0
