from testbed.api import Test, await_listener, try_end
from testbed.container import Container
from testbed.states import ETH0


def run(t: Test) -> None:
    t.net.clear()
    for runtime in ("runc", "crun"):
        c = Container(t, t.a, runtime, f"control-{runtime}")
        i = t.net.gid_index(t.a, ETH0["a"][0])
        c.configure(f"ls -l /dev/infiniband; ulimit -l; exec ibv_rc_pingpong -d rxe0 -g {i} -n 100 10.77.0.2", profile=False, allow_device=True)
        with t.wire() as wire:
            served = t.b.start(f"ibv_rc_pingpong -d rxe0 -g {t.net.gid_index(t.b, ETH0['b'][0])} -n 100", 60)
            await_listener(t.b, 18515, served)
            r = c.run(60)
            if not r.ok: try_end(served)
            served.wait(60)
        t.note(str(r))
        t.check(r.ok and wire.clear > 0, f"{runtime}: control", f"{r} {wire}")
