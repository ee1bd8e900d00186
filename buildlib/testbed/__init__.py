# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Two emulated hosts on one wire, with a real kernel and real frames to count."""
