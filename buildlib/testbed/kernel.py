# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The guests' kernel: a Debian package, fetched once into a cache, never installed.

The kernel and the apt configuration of this machine do not change: apt runs with lists, cache and sources in the cache
folder. It uses only the mirror, the proxy and the credentials of this machine's configuration.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# Kernel series -> its suite. 6.1 is the kernel of bookworm; 6.12 has xfrm packet offload, and is that of trixie, too; 7.2
# is that of sid, until sid has the next one.
SUITES = {"6.12": "bookworm-backports", "6.1": "bookworm", "7.2": "sid"}
DEFAULT_SERIES = "6.12"


class KernelUnavailable(Exception):
    """The cache has no such kernel or root, and the mirror does not offer it."""


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel package."""

    series: str
    release: str  # as in uname -r
    root: Path  # of the unpacked package

    @property
    def image(self) -> Path:
        """In /boot, or in newer packages beside the modules."""
        boot = self.root / "boot" / f"vmlinuz-{self.release}"
        return boot if boot.exists() else self.module_dir / "vmlinuz"

    @property
    def modules(self) -> Path:
        """The folder that a guest mounts as /lib/modules."""
        return self.root / "lib" / "modules"

    @property
    def module_dir(self) -> Path:
        return self.modules / self.release


def cache_dir() -> Path:
    return Path(os.environ.get("RDMASEC_CACHE") or "/var/cache/rdmasec")


def obtain(series: str = DEFAULT_SERIES) -> Kernel:
    """Returns the cached kernel of this series. Fetches it first if it is missing. Many runs may call this at once."""
    cache = cache_dir()
    with locked(cache / "lock"):
        root = cache / f"linux-{series}"
        if not root.is_dir():
            fetch(series, root)
    release = next(path.name for path in (root / "lib" / "modules").iterdir())
    return Kernel(series, release, root)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch(series: str, root: Path) -> None:
    """Unpacks beside the final place, then renames, so that an incomplete kernel is never used."""
    suite = SUITES[series]
    with tempfile.TemporaryDirectory(dir=root.parent, prefix="fetch-") as scratch:
        apt = PrivateApt(root.parent / "apt", suite)
        apt.update()
        package = newest_image(apt, series)
        print(f"# fetching {package} from {suite}", flush=True)
        unpacked = Path(scratch) / "root"
        for part in (package, *apt.parts(package)):
            command(["dpkg-deb", "-x", str(apt.download(part, Path(scratch))), str(unpacked)])
        drop_usr_merge(unpacked)
        release = next((unpacked / "lib" / "modules").iterdir()).name
        decompress_modules(unpacked / "lib" / "modules" / release)
        command([tool("depmod"), "-b", str(unpacked), release])
        unpacked.rename(root)


def drop_usr_merge(unpacked: Path) -> None:
    """Moves modules of newer packages from /usr/lib to /lib, where depmod -b and this testbed look."""
    merged = unpacked / "usr" / "lib" / "modules"
    if merged.is_dir() and not (unpacked / "lib" / "modules").is_dir():
        (unpacked / "lib").mkdir(exist_ok=True)
        merged.rename(unpacked / "lib" / "modules")


# The ending of packed modules -> the command that unpacks and removes them.
UNPACK = {".xz": ("xz", "--decompress"), ".zst": ("zstd", "--decompress", "--rm", "--quiet"), ".gz": ("gzip", "--decompress")}


def decompress_modules(folder: Path) -> None:
    """Unpacks modules here, once: at every boot of an emulated processor it would be slow."""
    for ending, words in UNPACK.items():
        packed = [str(path) for path in folder.rglob(f"*.ko{ending}")]
        for start in range(0, len(packed), 500):
            command([*words, *packed[start : start + 500]])


def newest_image(apt: PrivateApt, series: str) -> str:
    """Returns the newest plain image; the signed one if there are both, as hosts boot that."""
    name = re.compile(rf"linux-image-{re.escape(series)}\.[0-9.+~a-z-]*-amd64(-unsigned)?")
    flavours = ("-rt-", "-cloud-", "-dbg")
    names = [n for n in apt.names(f"linux-image-{series}.") if name.fullmatch(n) and not any(f in n for f in flavours)]
    candidates = [(apt.version(n), not n.endswith("-unsigned"), n) for n in names]
    if not candidates:
        raise KernelUnavailable(f"the mirror offers no linux-image-{series}.*-amd64 in {apt.suite}")
    return max(candidates, key=lambda c: (functools.cmp_to_key(compare_versions)(c[0]), c[1]))[2]


def compare_versions(left: str, right: str) -> int:
    """Compares by Debian's order of versions, in which the signed and the unsigned package of a kernel are equal."""
    for relation, answer in (("lt", -1), ("gt", 1)):
        if subprocess.run(["dpkg", "--compare-versions", left, relation, right]).returncode == 0:
            return answer
    return 0


class PrivateApt:
    """apt with its state, sources and cache in a separate folder."""

    def __init__(self, folder: Path, suite: str) -> None:
        self.suite = suite
        self.folder = folder / suite
        for part in ("lists/partial", "archives/partial", "parts"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        (self.folder / "sources.list").write_text(f"deb {signed}{debian_mirror()} {suite} main\n")
        (self.folder / "apt.conf").write_text(acquire_settings() + self.settings())

    def settings(self) -> str:
        """Returns the configuration. It excludes apt.conf.d of the system, whose hooks act on the system."""
        values = {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::Parts": self.folder / "parts",
            "Dir::Etc::SourceList": self.folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State": self.folder,
            "Dir::State::Lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder,
            "Dir::Cache::Archives": self.folder / "archives",
            "Dir::Log": self.folder,
            # The _apt user may have no access to the cache.
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
        }
        return "".join(f'{key} "{value}";\n' for key, value in values.items())

    def run(self, *words: str, cwd: Path | None = None) -> str:
        env = dict(os.environ, APT_CONFIG=str(self.folder / "apt.conf"), LC_ALL="C")
        return command(list(words), cwd=cwd, env=env)

    def update(self) -> None:
        self.run("apt-get", "--quiet", "--error-on=any", "update")

    def names(self, prefix: str) -> list[str]:
        return self.run("apt-cache", "pkgnames", prefix).split()

    def field(self, package: str, name: str) -> str:
        shown = self.run("apt-cache", "show", "--no-all-versions", package)
        found = re.search(rf"^{name}: (.+)$", shown, re.MULTILINE)
        return found[1] if found else ""

    def version(self, package: str) -> str:
        return self.field(package, "Version")

    def parts(self, package: str) -> list[str]:
        """Returns the other packages of a newer kernel: the image, the modules, and a base of both."""
        return re.findall(r"\blinux-(?:base|binary|modules)-\d[^ ,]*", self.field(package, "Depends"))

    def download(self, package: str, into: Path) -> Path:
        self.run("apt-get", "--quiet", "download", package, cwd=into)
        return next(into.glob(f"{package}_*.deb"))


def debian_mirror() -> str:
    """Returns a Debian mirror of this machine. apt reads sources in every format."""
    listed = command(["apt-get", "update", "--print-uris"])
    uris = re.findall(r"^'(\S+?)dists/(\S+?)/InRelease'", listed, re.MULTILINE)
    # Other vendors also publish below .../debian, but only the distribution has a suite of updates.
    uris.sort(key=lambda uri: not uri[1].endswith("-updates"))
    for uri, suite in uris:
        if "debian" in uri and "security" not in suite:
            return uri
    raise KernelUnavailable("apt on this machine has no Debian mirror configured to fetch a kernel from")


def acquire_settings() -> str:
    """Returns the settings by which this machine reaches its mirror: proxies, certificates, timeouts."""
    dump = command(["apt-config", "dump"])
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith("Acquire::"))


def command(words: list[str], **options: Any) -> str:
    """Runs a program. Returns its output. Raises KernelUnavailable with its error output if it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", **options)
    except OSError as error:
        raise KernelUnavailable(f"{words[0]}: {error.strerror}") from error
    if done.returncode != 0:
        raise KernelUnavailable(f"{' '.join(words[:3])}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def tool(name: str) -> str:
    """Returns the path of a program, which may be one of root that PATH lacks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") or name
