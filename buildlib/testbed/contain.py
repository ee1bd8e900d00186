#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Runs in a guest: runs a command in an OCI container, of the bundle that container.py has made there.

    contain.py [--user UID] RUNTIME BUNDLE FOLDER... -- COMMAND...

The programs of a user may raise their privileges by setuid. The container gets the folders, the device of rdma_cm, and the
variables of the environment that launchers and transports read.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

PASSED_ON = ("OMPI_", "PMIX_", "ORTE_", "UCX_", "FI_", "HOME=", "PATH=")
RDMA_CM = Path("/dev/infiniband/rdma_cm")


def add_rdma_cm(linux: dict) -> None:
    numbers = os.stat(RDMA_CM).st_rdev
    device = {"type": "c", "major": os.major(numbers), "minor": os.minor(numbers)}
    linux["devices"].append({"path": str(RDMA_CM), "fileMode": 0o666, **device})
    linux["resources"]["devices"].append({"allow": True, "access": "rw", **device})


def main() -> None:
    arguments = sys.argv[1:]
    user = int(arguments[1]) if arguments[0] == "--user" else None
    runtime, bundle, *rest = arguments if user is None else arguments[2:]
    split = rest.index("--")
    folders, command = rest[:split], rest[split + 1 :]
    config = json.loads((Path(bundle) / "config.json").read_text())
    config["root"]["path"] = f"{bundle}/rootfs"
    process = config["process"]
    process["args"] = command
    if user is not None:
        process.update(user={"uid": user, "gid": user}, noNewPrivileges=False)
    process["env"] = [f"{key}={value}" for key, value in os.environ.items() if f"{key}=".startswith(PASSED_ON)]
    process["rlimits"] = [{"type": "RLIMIT_MEMLOCK", "hard": 1 << 30, "soft": 1 << 30}]
    # mpirun's daemon and its processes identify each other by process id
    config["linux"]["namespaces"] = [space for space in config["linux"]["namespaces"] if space["type"] not in ("pid", "ipc")]
    if RDMA_CM.exists():
        add_rdma_cm(config["linux"])
    for folder in folders:
        Path(f"{bundle}/rootfs{folder}").mkdir(parents=True, exist_ok=True)
        config["mounts"].append({"destination": folder, "type": "bind", "source": folder, "options": ["rbind", "rw"]})
    name = f"contained-{os.getpid()}"
    own = Path(f"/run/{name}")
    own.mkdir()
    (own / "config.json").write_text(json.dumps(config))
    os.execvp(runtime, [runtime, "--root", f"/run/{runtime}", "run", "--bundle", str(own), name])


if __name__ == "__main__":
    main()
