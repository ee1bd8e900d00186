# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Runs in a guest: makes other copies of libibverbs, as bundles and upgrades leave them.

copies.py FOLDER LIBIBVERBS: FOLDER/stripped.so calls no ioctl() by name; libibverbs.so.9 beside LIBIBVERBS has names and
drivers of its own, so that both work in one process.
"""

import re
import shutil
import struct
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
LIBRARY = Path(sys.argv[2]).resolve()


def replaced(octets: bytes, old: bytes, new: bytes) -> bytes:
    """Returns the octets with a text replaced by one of the same length."""
    if len(old) != len(new) or old not in octets:
        raise SystemExit(f"copies.py: {old!r} is not in {LIBRARY}, or {new!r} is of another length")
    return octets.replace(old, new)


def without_ioctl(library: bytes) -> bytes:
    """Renames its import of ioctl to octl: the string table has that name as the end of the other."""
    at, size, count = struct.unpack_from("<Q14xHH", library, 32)
    headers = [struct.unpack_from("<IIQQQQQQ", library, at + i * size) for i in range(count)]
    _, _, offset, _, _, length, _, _ = next(header for header in headers if header[0] == 2)  # PT_DYNAMIC
    dynamic = {tag: value for tag, value in struct.iter_unpack("<QQ", library[offset : offset + length])}
    strtab, symtab = dynamic[5], dynamic[6]  # DT_STRTAB, DT_SYMTAB: in the first segment, where addresses are offsets
    changed = bytearray(library)
    for symbol in range(symtab, strtab, 24):
        (name,) = struct.unpack_from("<I", library, symbol)
        if library[strtab + name : strtab + name + 6] == b"ioctl\0":
            struct.pack_into("<I", changed, symbol, name + 1)
            return bytes(changed)
    raise SystemExit(f"copies.py: {LIBRARY} does not import ioctl")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    library = LIBRARY.read_bytes()
    (FOLDER / "stripped.so").write_bytes(without_ioctl(library))
    # Its soname, and the folder of its drivers.
    other = replaced(library, b"\0libibverbs.so.1\0", b"\0libibverbs.so.9\0")
    other = replaced(other, b"/libibverbs/lib%s", b"/libibverbz/lib%s")
    (LIBRARY.parent / "libibverbs.so.9").write_bytes(other)
    drivers = LIBRARY.parent / "libibverbz"
    drivers.mkdir(exist_ok=True)
    for driver in (LIBRARY.parent / "libibverbs").glob("librxe-*.so"):
        octets = replaced(driver.read_bytes(), b"\0libibverbs.so.1\0", b"\0libibverbs.so.9\0")
        (drivers / driver.name).write_bytes(octets)
    # It would report the other drivers as missing.
    for driver in (LIBRARY.parent / "libibverbs").glob("*.so"):
        if not re.match("librxe|librdmasec", driver.name):
            shutil.copyfile(drivers / next(drivers.glob("librxe-*.so")).name, drivers / driver.name)


main()
