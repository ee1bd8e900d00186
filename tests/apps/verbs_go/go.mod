// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
module verbs_go

go 1.19
