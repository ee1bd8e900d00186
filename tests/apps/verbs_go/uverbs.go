// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// The kernel's interface: <rdma/rdma_user_ioctl_cmds.h>, <rdma/ib_user_ioctl_cmds.h>, <rdma/ib_user_verbs.h>.
const (
	verbsIoctl    = 0xc0181b01
	objectDevice  = 0
	methodInvoke  = 0
	methodContext = 3
	attrCoreIn    = 0
	attrCoreOut   = 1
	attrCommand   = 2
	attrUhwIn     = 0x1000
	attrUhwOut    = 0x1001
	driverRxe     = 14

	cmdAllocPD  = 3
	cmdRegMR    = 9
	cmdCreateCQ = 18
	cmdCreateQP = 24
	cmdModifyQP = 26
	cmdPostSend = 28

	qpTypeRC = 2
)

type attribute struct {
	ID, Length, Flags, Reserved uint16
	Data                        uint64
}

type request struct {
	Length, Object, Method, Count uint16
	Reserved1                     uint64
	Driver, Reserved2             uint32
	Attributes                    [4]attribute
}

// A device's open file.
type device struct {
	fd int
}

// Opens the uverbs file of the named device.
func openDevice(name string) (device, error) {
	const class = "/sys/class/infiniband_verbs"

	nodes, err := filepath.Glob(class + "/uverbs*")
	if err != nil {
		return device{}, err
	}
	for _, node := range nodes {
		of, err := os.ReadFile(node + "/ibdev")
		if err != nil || strings.TrimSpace(string(of)) != name {
			continue
		}
		fd, err := syscall.Open("/dev/infiniband/"+filepath.Base(node), syscall.O_RDWR|syscall.O_CLOEXEC, 0)
		if err != nil {
			return device{}, err
		}
		d := device{fd}
		return d, d.ioctl(methodContext, nil)
	}
	return device{}, syscall.ENODEV
}

// The caller keeps the memory that attributes point to until this returns.
func (d device) ioctl(method uint16, attributes []attribute) error {
	r := request{Object: objectDevice, Method: method, Count: uint16(len(attributes)), Driver: driverRxe}
	r.Length = uint16(24 + 16*len(attributes))
	copy(r.Attributes[:], attributes)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(d.fd), verbsIoctl, uintptr(unsafe.Pointer(&r)))
	if errno != 0 {
		return errno
	}
	return nil
}

// A command of the older ABI in an ioctl: its input, its output and that of the driver, both optional.
func (d device) command(number uint64, input any, output any, driver any) error {
	in := encode(input)
	out, uhw := space(output), space(driver)
	attributes := []attribute{
		{ID: attrCommand, Length: 8, Flags: 1, Data: number},
		pointer(attrCoreIn, in),
	}
	if len(out) > 0 {
		attributes = append(attributes, pointer(attrCoreOut, out))
	}
	if len(uhw) > 0 {
		attributes = append(attributes, pointer(attrUhwOut, uhw))
	}
	err := d.ioctl(methodInvoke, attributes)
	runtime.KeepAlive(in) // attributes hold addresses only, which do not keep it alive
	if err != nil {
		return err
	}
	decode(out, output)
	decode(uhw, driver)
	return nil
}

// Slices of this program are on its heap, which Go does not move.
func pointer(id uint16, memory []byte) attribute {
	a := attribute{ID: id, Length: uint16(len(memory)), Flags: 1}
	if len(memory) <= 8 && id == attrCoreIn {
		var inline [8]byte
		copy(inline[:], memory)
		a.Data = binary.LittleEndian.Uint64(inline[:])
	} else {
		a.Data = uint64(uintptr(unsafe.Pointer(&memory[0])))
	}
	return a
}

func encode(value any) []byte {
	var buffer bytes.Buffer
	if err := binary.Write(&buffer, binary.LittleEndian, value); err != nil {
		panic(err)
	}
	return buffer.Bytes()
}

// Returns memory for a value; nil for nil.
func space(value any) []byte {
	if value == nil {
		return nil
	}
	return make([]byte, binary.Size(value))
}

func decode(data []byte, value any) {
	if len(data) == 0 {
		return
	}
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, value); err != nil {
		panic(err)
	}
}

// Returns an error with the name of the current step.
func failed(what string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		return fmt.Errorf("%s: %w (errno %d)", what, err, int(errno))
	}
	return fmt.Errorf("%s: %w", what, err)
}
