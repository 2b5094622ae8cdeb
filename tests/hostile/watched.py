"""Open every file of the corpus the way a user would, under watch: `python tests/hostile/watched.py FOLDER [PART OF A NAME]`.

It makes the files in FOLDER and prints a line of JSON for each: its name, what the refusal must say (null for a file that opens
and does no harm), what became of it ("refused", "opened" or "raised"), the message, the seconds of work, those by the clock
(which other processes make longer), and by how many bytes the peak of memory rose. It runs in a process of its own (see
`test_hostile.py`), with little address space, where Python's audit hooks note every file, address and program that is touched,
and with a canary, a file whose time of access says whether it was read.
"""

import contextlib
import json
import os
import resource
import sys
import time
from pathlib import Path

import corpus_interchange
import numpy as np
from corpus import ATTACKS, edit, good, keras_file, load_model, load_weights


def peak_memory():
    """The highest resident size so far, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_peak():
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def size_of(path):
    """The bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


def run(folder, part=""):
    """Open every file whose name has this part, under watch."""
    import pickletools  # noqa: F401  of the reader of data sets

    import hornbook_hub

    for kind in (".keras", ".weights.h5"):
        good(kind)
    hornbook_hub.load("bert_tiny")
    keras_file(folder / "good.keras")
    load_model(folder / "good.keras").predict(np.ones((1, 6)), verbose=0)
    load_weights_of = folder / "good.weights.h5"
    load_weights_of.write_bytes(good(".weights.h5"))
    load_weights(load_weights_of)
    edit(load_weights_of)
    corpus_interchange.warm_up(folder)

    attacks = [attack for attack in ATTACKS if part in attack[0]]
    touched = []
    watching = False

    def note(event, arguments):
        if watching and event in (
            "open",
            "os.system",
            "subprocess.Popen",
            "socket.connect",
            "os.exec",
            "os.fork",
            "marshal.loads",
            "pickle.find_class",
        ):
            touched.append((event, str(arguments[0])[:200] if arguments else ""))

    sys.addaudithook(note)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + 2**30
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    for number, (name, make, opens, why) in enumerate(attacks):
        here = folder / str(number)
        here.mkdir()
        canary = here / "canary"
        canary.write_text("secret\n")
        path = make(here)
        os.utime(canary, (0, time.time()))
        print(json.dumps({"starts": name}), flush=True)
        touched.clear()
        forget_peak()
        before, start, start_of_work = peak_memory(), time.perf_counter(), time.process_time()
        watching = True
        try:
            opens(path)
            outcome, message = "opened", ""
        except (ValueError, OSError) as error:
            outcome, message = "refused", str(error)
        except BaseException as error:
            outcome, message = "raised", f"{type(error).__name__}: {error}"
        watching = False
        seconds, memory = time.process_time() - start_of_work, peak_memory() - before
        elapsed = time.perf_counter() - start
        import tempfile

        allowed = (str(here), tempfile.gettempdir(), "/proc/self", sys.prefix, str(Path(__file__).parents[2]))
        strange = [f"{event} {what}" for event, what in touched if event != "open" or not what.startswith(allowed)]
        # The cleaning of temporary folders opens numbers, and names inside of a folder.
        strange = [s for s in strange if s != "open unpacked" and not s.removeprefix("open ").isdecimal()]
        if canary.stat().st_atime or "canary" in " ".join(what for _, what in touched if "checkpoint" not in what):
            strange.append("the canary was read")
        line = {
            "name": name,
            "why": why,
            "outcome": outcome,
            "message": message[:600],
            "seconds": seconds,
            "memory": memory,
        }
        line |= {"of": len(attacks), "strange": strange, "size": size_of(path), "elapsed": elapsed}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]), *sys.argv[2:])
