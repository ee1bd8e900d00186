# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The guests' root: that of this machine, or another release of Debian, made once into the cache.

Another root has newer programs, unmodified, from Debian's mirror. In such a guest the tree of the project and its build
folder are at their own places, and its programs run on the libraries of that root.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .kernel import KEYRING, KernelUnavailable, acquire_settings, cache_dir, command, debian_mirror, locked

HOST = "host"

# In addition to the packages of every Debian.
COMMON = """
    python3 kmod procps util-linux busybox-static iproute2 iputils-ping netbase libcap2-bin
    libbpf1 libcap-ng0 libevent-core-2.1-7t64 libinih1 libjson-c5 libnl-3-200 libnl-genl-3-200 libnl-route-3-200
    libseccomp2 libsystemd0
    ibverbs-providers ibverbs-utils librdmacm1t64 rdmacm-utils rdma-core perftest
"""
STRONGSWAN = "strongswan-charon strongswan-swanctl libstrongswan-standard-plugins libstrongswan-extra-plugins"
LIBRESWAN = "libreswan"  # it conflicts with strongSwan

# Name -> suite and packages.
ROOTS = {
    "trixie": ("trixie", COMMON + STRONGSWAN),
    "trixie-libreswan": ("trixie", COMMON + LIBRESWAN),
    "sid": ("sid", COMMON + STRONGSWAN),
}

# Documents are of no use in a guest.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


@dataclass(frozen=True)
class Root:
    """The tree below the overlay of a guest."""

    name: str
    path: Path

    @property
    def is_host(self) -> bool:
        return self.name == HOST


def obtain(name: str = HOST) -> Root:
    """Returns the root of this name: HOST or one of ROOTS. Makes it first if the cache lacks it with these packages.

    Many runs may call this at once. Raises KernelUnavailable if it cannot be made.
    """
    if name == HOST:
        return Root(HOST, Path("/"))
    suite, listed = ROOTS[name]
    packages = listed.split()
    cache = cache_dir()
    target = cache / f"root-{name}"
    made_of = cache / f"root-{name}.packages"
    with locked(cache / f"root-{name}.lock"):
        wanted = "\n".join(packages) + "\n"
        if not target.is_dir() or not made_of.is_file() or made_of.read_text() != wanted:
            shutil.rmtree(target, ignore_errors=True)
            make(suite, packages, target)
            made_of.write_text(wanted)
    return Root(name, target)


def make(suite: str, packages: list[str], target: Path) -> None:
    """Makes it beside the final place, then renames, so that an incomplete root is never used."""
    print(f"# making a root of {suite}", flush=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="root-") as scratch:
        settings = Path(scratch) / "apt.conf"
        settings.write_text(acquire_settings())
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        unpacked = Path(scratch) / "root"
        command(
            ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory", f"--aptopt={settings}"]
            + [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
            + [f"--include={','.join(packages)}", suite, str(unpacked), f"deb {signed}{debian_mirror()} {suite} main"]
        )
        unpacked.rename(target)


__all__ = ["HOST", "KernelUnavailable", "Root", "obtain"]
