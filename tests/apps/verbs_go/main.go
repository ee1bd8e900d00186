// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

// Connects one QP of a software RoCE device, sends a message and awaits the answer, by raw system calls without a C
// library. verbs_threads is its server.
//
//	verbs_go DEVICE GID_INDEX SERVER
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	messageSize = 64
	psn         = 4711
	tcpPort     = 18600
	patience    = 300 * time.Second

	stateInit = 1
	stateRTR  = 2
	stateRTS  = 3

	question = "a message that must not be readable on the wire"
	reply    = "and its answer"
)

// One end of a QP, as sent to the other: struct endpoint of app.h.
type endpoint struct {
	Failed   uint8
	Pad      [3]uint8
	QPN, PSN uint32
	GID      [16]byte
}

// struct ib_uverbs_modify_qp
type modification struct {
	GID                                                [16]byte
	FlowLabel                                          uint32
	DLID, Reserved                                     uint16
	SGIDIndex, HopLimit, TrafficClass, SL              uint8
	SrcPathBits, StaticRate, IsGlobal, Port            uint8
	Alternative                                        [32]byte
	Handle, Mask, QKey, RqPSN, SqPSN, DestQPN, Access  uint32
	PKeyIndex, AltPKeyIndex                            uint16
	State, CurState, MTU, MigState, Notify             uint8
	MaxRdAtomic, MaxDestRdAtomic, MinRNRTimer, PortNum uint8
	Timeout, RetryCnt, RNRRetry, AltPort, AltTimeout   uint8
	Reserved2                                          [2]uint8
}

// enum ib_qp_attr_mask
const (
	maskState  = 1 << 0
	maskAccess = 1 << 3
	maskPKey   = 1 << 4
	maskPort   = 1 << 5
	maskAV     = 1 << 7
	maskMTU    = 1 << 8
	maskTimers = 1<<9 | 1<<10 | 1<<11 // timeout, retry_cnt, rnr_retry
	maskRqPSN  = 1 << 12
	maskMaxRd  = 1 << 13
	maskMinRNR = 1 << 15
	maskSqPSN  = 1 << 16
	maskDestRd = 1 << 17
	maskQPN    = 1 << 20
	mtu1024    = 3
	hopLimit   = 64
	longWait   = 14
	minRNR     = 12
	retries    = 7
	localWrite = 1
)

type queuePair struct {
	device                          device
	handle, number, key             uint32
	sends, receives, sent, received queue
	memory                          []byte // the message that is sent, then the one that is received
}

func (d device) completions() (uint32, queue, error) {
	in := struct {
		Response, UserHandle                 uint64
		Entries, Vector, NoChannel, Reserved uint32
	}{Entries: 4, NoChannel: 0xffffffff}
	var out struct{ Handle, Entries uint32 }
	var at mapping
	if err := d.command(cmdCreateCQ, &in, &out, &at); err != nil {
		return 0, queue{}, failed("a CQ cannot be created", err)
	}
	q, err := d.mapQueue(at)
	return out.Handle, q, err
}

func (d device) register(pd uint32, memory []byte) (uint32, error) {
	in := struct {
		Response, Start, Length, Address uint64
		PD, Access                       uint32
	}{Start: address(memory), Length: uint64(len(memory)), Address: address(memory), PD: pd, Access: localWrite}
	var out struct{ Handle, Local, Remote uint32 }
	if err := d.command(cmdRegMR, &in, &out, nil); err != nil {
		return 0, failed("its memory cannot be registered", err)
	}
	return out.Local, nil
}

func (d device) create() (*queuePair, error) {
	var pd uint32
	if err := d.command(cmdAllocPD, new(uint64), &pd, nil); err != nil {
		return nil, failed("a PD cannot be allocated", err)
	}
	// Outside of Go's heap: the kernel pins whole pages.
	memory, err := syscall.Mmap(-1, 0, 2*messageSize, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	q := &queuePair{device: d, memory: memory}
	if q.key, err = d.register(pd, memory); err != nil {
		return nil, err
	}
	var sendCQ, receiveCQ uint32
	if sendCQ, q.sent, err = d.completions(); err != nil {
		return nil, err
	}
	if receiveCQ, q.received, err = d.completions(); err != nil {
		return nil, err
	}
	in := struct {
		Response, UserHandle                           uint64
		PD, SendCQ, ReceiveCQ, SRQ                     uint32
		Sends, Receives, SendSGEs, ReceiveSGEs, Inline uint32
		SignalAll, Type, IsSRQ, Reserved               uint8
	}{PD: pd, SendCQ: sendCQ, ReceiveCQ: receiveCQ, Sends: 4, Receives: 4, SendSGEs: 1, ReceiveSGEs: 1, Type: qpTypeRC}
	var out struct{ Handle, Number, Sends, Receives, SendSGEs, ReceiveSGEs, Inline, Reserved uint32 }
	var at struct{ Receives, Sends mapping }
	if err := d.command(cmdCreateQP, &in, &out, &at); err != nil {
		return nil, failed("QP 0: cannot be created", err)
	}
	q.handle, q.number = out.Handle, out.Number
	if q.receives, err = d.mapQueue(at.Receives); err != nil {
		return nil, err
	}
	q.sends, err = d.mapQueue(at.Sends)
	return q, err
}

func (q *queuePair) modify(m modification) error {
	m.Handle = q.handle
	return q.device.command(cmdModifyQP, &m, nil, nil)
}

func (q *queuePair) connect(gidIndex uint8, peer endpoint) error {
	err := q.modify(modification{State: stateInit, PortNum: 1, Mask: maskState | maskPKey | maskPort | maskAccess})
	if err != nil {
		return failed("QP 0: cannot be made ready to receive", err)
	}
	q.receives.receive(q.memory[messageSize:], q.key)
	err = q.modify(modification{
		GID: peer.GID, SGIDIndex: gidIndex, HopLimit: hopLimit, IsGlobal: 1, Port: 1, State: stateRTR, MTU: mtu1024,
		DestQPN: peer.QPN, RqPSN: peer.PSN, MaxDestRdAtomic: 1, MinRNRTimer: minRNR,
		Mask: maskState | maskAV | maskMTU | maskQPN | maskRqPSN | maskDestRd | maskMinRNR,
	})
	if err != nil {
		return failed("QP 0: cannot be connected", err)
	}
	err = q.modify(modification{
		State: stateRTS, SqPSN: psn, Timeout: longWait, RetryCnt: retries, RNRRetry: retries, MaxRdAtomic: 1,
		Mask: maskState | maskSqPSN | maskTimers | maskMaxRd,
	})
	if err != nil {
		return failed("QP 0: cannot be made ready to send", err)
	}
	return nil
}

// The status of a completion is 0 if it succeeded: struct ib_uverbs_wc.
func succeeded(completion []byte) bool {
	return completion != nil && binary.LittleEndian.Uint32(completion[8:]) == 0
}

func (q *queuePair) talk() error {
	copy(q.memory, question)
	q.sends.send(q.memory[:messageSize], q.key)
	doorbell := struct {
		Response                     uint64
		Handle, Count, SGEs, SizeWQE uint32
	}{Handle: q.handle, SizeWQE: 56}
	if err := q.device.command(cmdPostSend, &doorbell, new(uint32), nil); err != nil {
		return failed("QP 0: cannot send", err)
	}
	if !succeeded(q.sent.consume(patience)) {
		return errors.New("QP 0: cannot send")
	}
	if !succeeded(q.received.consume(patience)) || !bytes.HasPrefix(q.memory[messageSize:], []byte(reply)) {
		return errors.New("QP 0: has no answer")
	}
	return nil
}

// Both ends exchange their addresses, connect, and exchange that they have.
func exchange(tcp int, mine endpoint) (endpoint, error) {
	var theirs endpoint
	data := make([]byte, binary.Size(theirs))
	if _, err := syscall.Write(tcp, encode(&mine)); err != nil {
		return theirs, failed("the peer is gone", err)
	}
	for got := 0; got < len(data); {
		n, err := syscall.Read(tcp, data[got:])
		if err != nil || n == 0 {
			return theirs, errors.New("the peer is gone")
		}
		got += n
	}
	decode(data, &theirs)
	if theirs.Failed != 0 {
		return theirs, errors.New("the peer has no QP for it")
	}
	return theirs, nil
}

func dial(server string) (int, error) {
	to, err := netip.ParseAddr(server)
	if err != nil || !to.Is4() {
		return -1, fmt.Errorf("%s is no IPv4 address", server)
	}
	tcp, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return tcp, syscall.Connect(tcp, &syscall.SockaddrInet4{Port: tcpPort, Addr: to.As4()})
}

func localGID(name string, index uint8) (gid [16]byte, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/sys/class/infiniband/%s/ports/1/gids/%d", name, index))
	if err != nil {
		return gid, err
	}
	to, err := netip.ParseAddr(strings.TrimSpace(string(text)))
	return to.As16(), err
}

func run(name string, gidIndex uint8, server string) error {
	d, err := openDevice(name)
	if err != nil {
		return failed(name+" cannot be opened", err)
	}
	mine := endpoint{PSN: psn}
	if mine.GID, err = localGID(name, gidIndex); err != nil {
		return err
	}
	tcp, err := dial(server)
	if err != nil {
		return failed("no connection to the peer", err)
	}
	q, err := d.create()
	if err == nil {
		mine.QPN = q.number
		var theirs endpoint
		if theirs, err = exchange(tcp, mine); err != nil {
			return err
		}
		if err = q.connect(gidIndex, theirs); err == nil {
			if _, err = exchange(tcp, mine); err != nil {
				return err
			}
			return q.talk()
		}
	}
	_, _ = syscall.Write(tcp, encode(&endpoint{Failed: 1}))
	return err
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: verbs_go DEVICE GID_INDEX SERVER")
		os.Exit(2)
	}
	gidIndex, err := strconv.ParseUint(os.Args[2], 10, 8)
	if err == nil {
		err = run(os.Args[1], uint8(gidIndex), os.Args[3])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verbs_go:", err)
		os.Exit(1)
	}
	fmt.Println("1 of 1 QPs connected")
}
