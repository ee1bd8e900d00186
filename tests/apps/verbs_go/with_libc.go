// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

//go:build cgo

package main

// Has libc in the process, and uses nothing of it.
import _ "runtime/cgo"
