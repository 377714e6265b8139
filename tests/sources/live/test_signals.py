"""Signals are seen where they arrive, with who sent them, while rules ask for them."""

from __future__ import annotations

import signal

from tests.sources.live.host import of, one, types, watch_script, watchable
from tiercel.sources.live.probe import Probe
from tiercel.wire.event_table import BY_CONSTANT

_SCRIPT = """
import os, signal, time
ready, told = os.pipe()
child = os.fork()
if not child:
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGRTMIN, lambda *_: None)
    os.write(told, b"x")
    time.sleep(2); time.sleep(2)
    os._exit(3)
os.read(ready, 1)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.signal(signal.SIGALRM, lambda *_: None)
os.kill(child, signal.SIGTERM); time.sleep(0.1)
os.kill(child, signal.SIGRTMIN); time.sleep(0.1)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(0.1)
"""


@watchable
def test_signals_and_their_senders() -> None:
    parent, events = watch_script(_SCRIPT, types("SIGNALDELIVER_E"))
    arrived = of(events, "SIGNALDELIVER_E")
    child = next(event.tid for event in arrived if event.number("sig") == signal.SIGTERM)
    assert child != parent
    # of a deadly signal the kernel no longer says who sent it
    for number, sender in ((signal.SIGTERM, parent), (signal.SIGRTMIN, parent), (signal.SIGKILL, 0)):
        event = one(arrived, "SIGNALDELIVER_E", spid=sender, dpid=child, sig=number)
        assert event.tid == child
        assert event.process["PID"] == child
    assert one(arrived, "SIGNALDELIVER_E", spid=child, dpid=parent, sig=signal.SIGCHLD).tid == parent
    one(arrived, "SIGNALDELIVER_E", spid=0, dpid=parent, sig=signal.SIGALRM)


@watchable
def test_signals_cost_nothing_unless_asked_for() -> None:
    probe = Probe({BY_CONSTANT["SYSCALL_CLOSE_X"]})
    try:
        probe.attach()
        assert not probe._signal_link
        probe.want({BY_CONSTANT["SIGNALDELIVER_E"]})
        assert probe._signal_link
        probe.want(())
        assert not probe._signal_link
    finally:
        probe.close()
