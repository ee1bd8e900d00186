# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Two emulated hosts on one wire: where rdmasec meets a real kernel, with real frames to count."""
