# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Two guests, a and b, joined by one wire. Every frame on it is captured outside of them."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import initramfs
from .environment import Environment
from .guest import TREE, Guest, Machine, Share
from .kernel import Kernel
from .root import Root

TOP = Path(__file__).resolve().parents[2]
AGENT = Path(__file__).resolve().with_name("agent.py")


@dataclass
class Pair:
    a: Guest
    b: Guest
    folder: Path  # consoles and capture
    kernel: Kernel
    root: Root

    @property
    def environment(self) -> Environment:
        return Environment(self.root.name, self.kernel.series)

    @property
    def capture(self) -> Path:
        return self.folder / "wire.pcap"

    @property
    def guests(self) -> tuple[Guest, Guest]:
        return self.a, self.b

    def alive(self) -> bool:
        return all(guest.qemu.poll() is None for guest in self.guests)

    def cpu_seconds(self) -> float:
        return sum(guest.cpu_seconds() for guest in self.guests)

    def close(self) -> None:
        for guest in self.guests:
            guest.close()


def boot(
    kernel: Kernel, root: Root, results: Path, build: Path, shell: str | None = None, cpus: int = 1
) -> Pair:
    """Boots a pair and waits until both agents answer. shell: the guest whose console is this terminal."""
    results.mkdir(parents=True, exist_ok=True)
    results.chmod(0o1777)  # any user of a guest may write here
    image = initramfs.build(kernel, results / "initramfs")
    shares = [
        Share("root", root.path),
        *([] if root.is_host else [Share(TREE, Path("/"))]),
        Share("modules", kernel.modules),
        Share("results", results.resolve(), readonly=False),
    ]
    ends = socket.socketpair()
    guests: list[Guest] = []
    try:
        for number, (name, end) in enumerate(zip("ab", ends, strict=True), start=1):
            machine = Machine(
                name=name,
                image=kernel.image,
                initramfs=image,
                shares=shares,
                agent=AGENT,
                keep=kept(root, [TOP, build.resolve()]),
                mac=f"52:54:00:00:00:{number:02x}",
                console=None if name == shell else results / f"console-{name}.log",
                capture=results / "wire.pcap" if name == "a" else None,
                cpus=cpus,
            )
            guests.append(machine.boot(end))
        for guest in guests:
            guest.pair = tuple(guests)
        for guest in guests:
            guest.await_boot()
            open_path_to(guest, [TOP, build.resolve()])
    except BaseException:
        for guest in guests:
            guest.close()
        raise
    finally:
        for end in ends:
            end.close()
    return Pair(guests[0], guests[1], results, kernel, root)


def open_path_to(guest: Guest, folders: Iterable[Path]) -> None:
    """Lets every user of the guest enter the folders above these: the tree may lie in a home.

    This changes the overlay of the guest, not the host.
    """
    above = {parent for folder in folders for parent in folder.parents}
    guest.run("chmod o+x " + " ".join(shlex.quote(str(folder)) for folder in sorted(above)), check=True)


def kept(root: Root, folders: Iterable[Path]) -> list[Path]:
    """Returns the folders that a guest needs as shares: it has another root, or mounts a fresh file system over them."""
    present = [folder for folder in dict.fromkeys(folders) if folder.is_dir()]
    if not root.is_host:
        return present
    fresh = [Path(path) for path in ("/tmp", "/run", "/dev/shm")]
    return [folder for folder in present if any(map(folder.is_relative_to, fresh))]
