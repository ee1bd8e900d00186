// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

package main

import (
	"encoding/binary"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// The queues that software RoCE shares with its users: <rdma/rdma_user_rxe.h>.
const (
	queueProducer = 128
	queueConsumer = 256
	queueData     = 384

	receiveDMA = 16 // in a struct rxe_recv_wqe
	sendOpcode = 12 // in a struct rxe_send_wqe
	sendFlags  = 16
	sendIova   = 152
	sendSSN    = 176
	sendDMA    = 184
	dmaSGE     = 24 // in a struct rxe_dma_info

	opcodeSend   = 2
	flagSignaled = 2
)

// The place of a queue in the kernel: struct mminfo.
type mapping struct {
	Offset    uint64
	Size, Pad uint32
}

type queue struct {
	memory []byte
	size   uint32 // of an element
	mask   uint32
}

func (d device) mapQueue(at mapping) (queue, error) {
	memory, err := syscall.Mmap(d.fd, int64(at.Offset), int(at.Size), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_SHARED)
	if err != nil {
		return queue{}, err
	}
	return queue{memory, 1 << binary.LittleEndian.Uint32(memory), binary.LittleEndian.Uint32(memory[4:])}, nil
}

func (q queue) index(at int) *uint32 {
	return (*uint32)(unsafe.Pointer(&q.memory[at]))
}

func (q queue) element(index uint32) []byte {
	start := queueData + index*q.size
	return q.memory[start : start+q.size]
}

// Adds an element, which fill writes.
func (q queue) produce(fill func(element []byte)) {
	at := atomic.LoadUint32(q.index(queueProducer))
	element := q.element(at)
	for i := range element {
		element[i] = 0
	}
	fill(element)
	atomic.StoreUint32(q.index(queueProducer), (at+1)&q.mask)
}

// Waits for an element. Returns a copy of it, or nil if none comes in time.
func (q queue) consume(patience time.Duration) []byte {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		at := atomic.LoadUint32(q.index(queueConsumer))
		if at == atomic.LoadUint32(q.index(queueProducer)) {
			continue
		}
		element := append([]byte(nil), q.element(at)...)
		atomic.StoreUint32(q.index(queueConsumer), (at+1)&q.mask)
		return element
	}
	return nil
}

func fillDMA(dma []byte, memory []byte, key uint32) {
	word := binary.LittleEndian
	word.PutUint32(dma, uint32(len(memory)))
	word.PutUint32(dma[4:], uint32(len(memory)))
	word.PutUint32(dma[12:], 1)
	word.PutUint64(dma[dmaSGE:], address(memory))
	word.PutUint32(dma[dmaSGE+8:], uint32(len(memory)))
	word.PutUint32(dma[dmaSGE+12:], key)
}

func (q queue) receive(memory []byte, key uint32) {
	q.produce(func(element []byte) { fillDMA(element[receiveDMA:], memory, key) })
}

func (q queue) send(memory []byte, key uint32) {
	q.produce(func(element []byte) {
		binary.LittleEndian.PutUint32(element[sendOpcode:], opcodeSend)
		binary.LittleEndian.PutUint32(element[sendFlags:], flagSignaled)
		binary.LittleEndian.PutUint64(element[sendIova:], address(memory))
		binary.LittleEndian.PutUint32(element[sendSSN:], 1)
		fillDMA(element[sendDMA:], memory, key)
	})
}

func address(memory []byte) uint64 {
	return uint64(uintptr(unsafe.Pointer(&memory[0])))
}
