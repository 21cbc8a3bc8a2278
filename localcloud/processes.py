"""Child processes of a local cloud: started so that they can't outlive it, stopped gently, found when orphaned."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import psutil

from localcloud.home import HOME_VARIABLE

# In every child's environment, its home as the value. LOCALCLOUD_HOME would not do as the mark: people export it.
MARK = "LOCALCLOUD_CHILD_OF"
_NAME = "LOCALCLOUD_CHILD_NAME"
_LAUNCHER = Path(__file__).with_name("launch.py")
# The kernel's death signal comes when the *thread* that forked ends (prctl(2), PR_SET_PDEATHSIG), so all forking is
# done by one thread, which lives as long as the process.
_FORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")
_REAP_ROUNDS = 10
_LINE_BYTES = 400  # of a log's line, generously

Output = Path | Callable[[str], None]


class StartError(Exception):
    """A child could not be started; the message says why."""


class Child:
    """A running process and everything it started (its process group). All methods are safe from any thread."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], on_line: Callable[[str], None] | None) -> None:
        self.name = name
        self.pid = process.pid
        self._process = process
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[int], None]] = []
        self._reader: threading.Thread | None = None
        if on_line is not None:
            self._reader = threading.Thread(target=_read, args=(process.stdout, on_line), daemon=True)
            self._reader.start()
        threading.Thread(target=self._watch, name=f"wait {name}", daemon=True).start()

    @property
    def returncode(self) -> int | None:
        """Exit code (negative: the number of the signal that ended it), or None while it runs."""
        return self._process.returncode if self._done.is_set() else None

    @property
    def running(self) -> bool:
        return not self._done.is_set()

    def wait(self, timeout: float | None = None) -> int | None:
        """Block until the process has ended and its output is read; None when ``timeout`` seconds weren't enough."""
        return self._process.returncode if self._done.wait(timeout) else None

    async def exited(self) -> int:
        """The exit code, once the process has ended and its output is read."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()

        def settle(code: int) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: done.done() or done.set_result(code))

        self._on_exit(settle)
        return await done

    def send(self, number: int) -> None:
        """Send a signal to the process alone; nothing when it has ended."""
        if self.running:
            self._process.send_signal(number)

    def stop(self, grace: float = 10.0, first: int = signal.SIGTERM) -> int:
        """Ask the process to end, after ``grace`` seconds kill it and its group; returns the exit code. Blocks."""
        self.send(first)
        if self.wait(grace) is None:
            self.kill()
        code = self.wait()
        assert code is not None
        return code

    def kill(self) -> None:
        """End the process and its whole group at once."""
        _kill_group(self.pid)

    def _on_exit(self, callback: Callable[[int], None]) -> None:
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback(self._process.returncode)

    def _watch(self) -> None:
        code = self._process.wait()
        # What it started ends with it; that also closes the pipe that the reader waits on.
        _kill_group(self.pid)
        if self._reader is not None:
            self._reader.join(timeout=2)
        with self._lock:
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(code)


def start(
    name: str,
    argv: Sequence[str],
    *,
    home: Path,
    env: Mapping[str, str],
    output: Output,
    cwd: Path | None = None,
    user: tuple[int, int] | None = None,
    death_signal: int = signal.SIGTERM,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start ``argv`` in a session of its own and return at once. Blocks for some milliseconds only.

    ``env`` is the whole environment, to which the home's marks are added. ``output`` is a file that stdout and stderr
    are appended to (0600), or a function that gets each line without its line end, on a thread of its own.
    ``user`` is (uid, gid) to run as, for programs that refuse to be root. ``death_signal`` is what the kernel sends
    when the starting process dies, where it offers that (Linux). Raises ``StartError`` when the program doesn't exist.
    """
    program = _find(argv[0], env)
    user_words = ["-", "-"] if user is None else [str(user[0]), str(user[1])]
    launcher = [sys.executable, "-I", "-S", "-B", str(_LAUNCHER), str(os.getpid()), str(int(death_signal)), *user_words]
    command = [*launcher, program, *argv[1:]]
    complete = {**env, HOME_VARIABLE: str(home), MARK: str(home), _NAME: name}
    process = _FORKER.submit(_fork, command, complete, cwd, output, tuple(pass_fds)).result()
    return Child(name, process, None if isinstance(output, Path) else output)


def mask(text: str, secrets: Sequence[str]) -> str:
    """The text with every secret in it replaced by stars, longest first so that none shows through another."""
    for secret in sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True):
        text = text.replace(secret, "********")
    return text


def tail(path: Path, lines: int, end: int | None = None) -> list[str]:
    """The last lines of a file (up to byte ``end``), reading no more than its end; empty when there is no such file."""
    try:
        with path.open("rb") as file:
            end = path.stat().st_size if end is None else end
            start = max(0, end - _LINE_BYTES * lines)
            file.seek(start)
            return file.read(end - start).decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def resident(pid: int) -> int:
    """Bytes held by a process and its descendants, shared pages counted once where the OS tells; 0 if it is gone."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += _resident_alone(process)
    return total


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not waited for by its parent doesn't."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def resident_alone(pid: int) -> int:
    """Bytes of memory held by one process, as ``resident`` counts them; 0 if it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return _resident_alone(psutil.Process(pid))
    return 0


def marked(home: Path) -> list[psutil.Process]:
    """Every process that a daemon of ``home`` started and that still runs, and theirs (Postgres overwrites the
    environment of its own children); never the caller or its ancestors."""
    me = psutil.Process()
    spared = {me.pid, *(parent.pid for parent in me.parents())}
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        if process.pid in spared or process.pid in found:
            continue
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            if process.environ().get(MARK) == str(home):
                found |= {one.pid: one for one in [process, *process.children(recursive=True)] if one.pid not in spared}
    return list(found.values())


def described(home: Path) -> list[dict[str, Any]]:
    """Name, pid and resident bytes (children's included) of what a daemon of ``home`` started; the largest first."""
    processes = marked(home)
    pids = {process.pid for process in processes}
    found: dict[int, dict[str, Any]] = {}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.ppid() not in pids:
                name = process.environ().get(_NAME, process.name())
                found[process.pid] = {"name": name, "pid": process.pid, "memory_bytes": resident(process.pid)}
    return sorted(found.values(), key=lambda one: -one["memory_bytes"])


def reap(home: Path, grace: float = 3.0) -> int:
    """End every process that a dead daemon of ``home`` left behind; returns how many there were. Blocks.

    Raises ``RuntimeError`` when some can't be ended.
    """
    seen: set[int] = set()
    for round_number in range(_REAP_ROUNDS):  # a dying process may still start another
        left = marked(home)
        if not left:
            return len(seen)
        seen.update(process.pid for process in left)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate() if round_number == 0 else process.kill()
        psutil.wait_procs(left, timeout=grace)
    names = ", ".join(f"{process.pid}" for process in marked(home))
    raise RuntimeError(f"these processes of {home} could not be ended: {names}")


def _fork(
    command: list[str], env: dict[str, str], cwd: Path | None, output: Output, pass_fds: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    with contextlib.ExitStack() as stack:
        if isinstance(output, Path):
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            target: int | IO[bytes] = stack.enter_context(os.fdopen(descriptor, "ab"))
        else:
            target = subprocess.PIPE
        return subprocess.Popen(
            command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
        )


def _find(program: str, env: Mapping[str, str]) -> str:
    import shutil

    found = shutil.which(program, path=env.get("PATH", os.defpath))
    if found is None:
        raise StartError(f"cannot start {program}: there is no such program")
    return found


def _read(pipe: IO[bytes] | None, on_line: Callable[[str], None]) -> None:
    assert pipe is not None
    with pipe:
        for line in pipe:
            on_line(line.decode(errors="replace").rstrip("\r\n"))


def _kill_group(pid: int) -> None:
    # ESRCH: the group is empty. EPERM: macOS says so when all that is left of it are zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _resident_alone(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (AttributeError, psutil.AccessDenied):
        return int(process.memory_info().rss)


def wait_until(condition: Callable[[], bool], timeout: float, interval: float = 0.05) -> bool:
    """Whether ``condition`` became true within ``timeout`` seconds; it is asked every ``interval``."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True
