"""Random scripts for the guest of random_guest.py: sequences of calls of the whole of WASI 0.3.

A script knows which handles it has, of which kinds, so that most arguments are good ones; a few are of a wrong kind,
were given away before, or are no handles. What is missing is made first: a request needs fields and a future.
"""

from __future__ import annotations

import dataclasses
import random

import random_guest
from guest_scripts import (NOTHING, REQUEST, THREAD_FUNCTION, Expression, Label, Operation, Script, Text, in_scratch, number,
                           of_step)
from random_values import BAD_HANDLES, BAD_POINTERS, FIELDS, FILES, INTEGERS, RARE_INTEGERS, VALUES, Surroundings
from wit_types import Type, key_of, kinds_in

HTTP = "wasi:http/types@0.3.0"
CLOCK = "wasi:clocks/monotonic-clock@0.3.0"
LAST_STEP = 250
SCRATCH = 65536


@dataclasses.dataclass
class Handle:
    expression: Expression
    alive: bool = True
    is_pair: bool = False  # the guest has the other end, too: it may not copy most values to itself


class Writer:
    """Writes one script."""

    def __init__(self, imports: random_guest.Imports, around: Surroundings, seed: str, has_callback: bool, depth: int = 0):
        self.random = random.Random(seed)
        self.imports, self.around, self.seed, self.depth = imports, around, seed, depth
        self.has_callback, self.in_thread = has_callback, False
        self.operations: list[Operation] = []
        self.texts = b""
        self.steps, self.scratch, self.labels = 0, 1024, 0
        self.context = ""
        self.handles: dict[str, list[Handle]] = {}
        self.threads: list[int] = []
        self.has_returned = False
        self.carelessness = self.random.choice((0.0, 0.0, 0.005, 0.02, 0.1))
        self.sync_share = self.random.choice((0.0, 0.0, 0.05, 0.2))
        favourites = self.random.sample(sorted({each.module for _, each in imports.calls}), 3)
        self.weights = [(4 if each.module in favourites else 1) * (5 if deep(each.function) else 1)
                        * (self.sync_share if each.function.is_async and not each.is_async else 1) for _, each in imports.calls]

    # --- what steps are made of -------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def text(self, value: str | bytes) -> tuple[Expression, Expression]:
        value = value.encode() if isinstance(value, str) else value
        at = len(self.texts)
        if at + len(value) > 20_000:
            return in_scratch(0), number(len(value) % SCRATCH)
        self.texts += value
        return Expression((b"\x09", Text(at))), number(len(value))

    def room(self, size: int) -> int:
        """Where in the scratch memory so many bytes are free for a while."""
        at = (self.scratch + 7) & ~7
        if at + size > SCRATCH - 256:
            at = 1024
        self.scratch = at + size
        return at

    def call(self, key: tuple | int, arguments: list[Expression], forced: bool = False) -> int:
        """Calls an import; the step whose result it is."""
        place = key if isinstance(key, int) else self.imports[key]
        if self.steps >= LAST_STEP:
            return 255
        step, self.steps = self.steps, self.steps + 1
        each = self.imports.all[place]
        pieces = [bytes([1, int(forced or self.chance(self.carelessness / 2)), step]) + place.to_bytes(2, "little") + bytes([len(arguments)])]
        for argument in arguments:
            pieces += argument.pieces
        shown = ", ".join(" ".join(p.hex() if isinstance(p, bytes) else str(p) for p in a.pieces) for a in arguments)
        self.operations.append(Operation(pieces, f"{step}: {each.module} {each.name}({shown})"))
        return step

    def store(self, width: int, at: int, value: Expression) -> None:
        self.operations.append(Operation([bytes([2, width]) + at.to_bytes(2, "little"), *value.pieces], f"[{at}] = {value.pieces}"))

    def other(self, says: str, *pieces) -> None:
        self.operations.append(Operation(list(pieces), says))

    # --- handles ----------------------------------------------------------------------------------

    def keep(self, kind: str, expression: Expression, is_pair: bool = False) -> None:
        self.handles.setdefault(kind, []).append(Handle(expression, is_pair=is_pair))

    def living(self, kind: str) -> list[Handle]:
        return [each for each in self.handles.get(kind, ()) if each.alive]

    def bad_handle(self) -> Expression:
        every = [each for known in self.handles.values() for each in known]
        if every and self.chance(0.7):
            return self.random.choice(every).expression
        return number(self.random.choice(BAD_HANDLES))

    def handle(self, kind: str, is_given: bool, level: int = 0) -> Expression:
        """One of that kind, found or made; `is_given`: the guest has it no more then."""
        if self.chance(self.carelessness):
            return self.bad_handle()
        found = self.living(kind)
        if not found or (self.chance(0.25) and level < 3):
            self.produce(kind, level + 1)
            found = self.living(kind) or found
        if not found:
            return NOTHING
        chosen = self.random.choice(found[-3:])
        if is_given and not self.chance(self.carelessness):
            chosen.alive = False
        is_end = is_given and kind.startswith(("stream", "future"))
        return chosen.expression.idle if is_end else chosen.expression.required

    def produce(self, kind: str, level: int) -> None:
        if level > 6:
            return
        if kind == "set":
            self.keep("set", of_step(2, self.call(("builtin", "waitable-set-new"), [])))
            return
        payload = self.imports.payloads.get(kind)
        makers = self.imports.makers.get(kind, [])
        if payload and (not makers or self.chance(0.6)):
            self.new_ends(kind)
        elif makers:
            self.invoke(*self.random.choice([each for each in makers if not each[1].is_async] or makers), level)

    def new_ends(self, kind: str) -> None:
        step = self.call(("end", kind, "new", False), [])
        self.keep(kind, of_step(2, step), True)
        self.keep(f"writable {kind}", of_step(3, step))

    def found(self, type_: Type, step: int, at: int, guards: tuple[int, ...] = ()) -> None:
        """Keeps the handles of a result in the area of that step."""
        if at > 140:
            return
        if type_.kind in ("own", "stream", "future"):
            self.keep(key_of(type_), of_step(5, step, len(guards) // 2, *guards, at))
        elif type_.kind == "record":
            for offset, each in type_.fields():
                self.found(each, step, at + offset, guards)
        elif type_.is_variant:
            for case, each in enumerate(type_.of):
                if each:
                    self.found(each, step, at + type_.payload_at(), (*guards, at, case))
        elif type_.kind == "list" and type_.of[0].kind == "record":
            for offset, each in type_.of[0].fields():
                if each.kind == "own":
                    self.keep(key_of(each), of_step(6, step, len(guards) // 2, *guards, at, offset))

    # --- values -----------------------------------------------------------------------------------

    def integer(self, kind: str) -> Expression:
        value = self.random.choice(INTEGERS) if self.chance(0.9) else self.random.choice(RARE_INTEGERS)
        if self.context in ("wait-for", "wait-until") and self.chance(0.95):
            value = self.random.choice((0, 1, 1000, 1_000_000, 5_000_000))
        return number(value & (1 << {"8": 8, "6": 16, "2": 32, "4": 64}.get(kind[-1], 16)) - 1)

    def string(self) -> str | bytes:
        if "authority" in self.context:
            return self.random.choice(self.around.authorities)
        if "path-with-query" in self.context:
            return self.path()
        if "descriptor" in self.context:
            return self.random.choice(FILES)
        if "fields" in self.context:
            return self.random.choice(FIELDS[:4]) if self.chance(0.6) else self.random.choice(FIELDS)
        if "resolve" in self.context:
            return self.random.choice(("localhost", "127.0.0.1", "::1", "a..b", "x" * 300))
        return self.random.choice((*FIELDS, *VALUES, b"\xff\xfe"))

    def path(self) -> str:
        if self.depth < 2 and self.chance(0.6):
            route = self.random.choice(self.around.routes)
            inner = Writer(self.imports, self.around, f"{self.seed}/{self.steps}", route.startswith("/callback"), self.depth + 1)
            return route + inner.write(self.random.randint(2, 6)).encode()
        return self.random.choice(self.around.paths)

    def value(self, type_: Type, level: int):
        """An Expression; (pointer, length); a list of fields; (case, payload)."""
        if type_.name == "ip-socket-address" and self.chance(0.85):
            return 0, [number(self.random.choice(self.around.ports)), [number(each) for each in (127, 0, 0, 1)]]
        if type_.kind in ("own", "borrow"):
            return self.handle(f"own {type_.name}", type_.kind == "own", level)
        if type_.kind in ("stream", "future"):
            return self.handle(key_of(type_), True, level)
        if type_.kind == "string":
            return self.text(self.string())
        if type_.kind == "list":
            return self.list(type_.of[0], level)
        if type_.kind == "record":
            return [self.value(each, level) for each in type_.of]
        if type_.is_variant:
            return self.case(type_, level)
        if type_.kind in ("enum", "flags"):
            most = type_.count if type_.kind == "enum" else 1 << type_.count
            return number(self.random.randrange(most) if not self.chance(self.carelessness / 4) else most + 3)
        return number(self.random.randrange(2)) if type_.kind == "bool" else self.integer(type_.kind)

    def list(self, element: Type, level: int):
        if element.kind == "u8":
            return self.text(self.random.choice(VALUES))
        if self.chance(self.carelessness / 4):
            return number(self.random.choice(BAD_POINTERS)), number(self.random.choice(RARE_INTEGERS) & 0xFFFF_FFFF)
        size, _ = element.size_and_alignment()
        count = self.random.randrange(4)
        at = self.room(size * count)
        for each in range(count):
            self.put(element, self.value(element, level), at + each * size)
        return in_scratch(at), number(count)

    def case(self, type_: Type, level: int):
        wants_handle = any(each and any(kinds_in(each)) for each in type_.of)
        if type_.name == "scheme":
            case = 0 if self.chance(0.9) else self.random.randrange(3)
        elif type_.name == "option":
            case = int(self.chance(0.85 if wants_handle or "request.set" in self.context else 0.5))
        elif type_.name == "result":
            case = int(self.chance(0.1))
        elif self.chance(self.carelessness / 4):
            return 77, None
        else:
            case = self.random.randrange(len(type_.of))
        payload = type_.of[case]
        return case, None if payload is None else self.value(payload, level)

    def flat(self, type_: Type, value) -> list[Expression]:
        if isinstance(value, Expression):
            return [value]
        if type_.kind in ("string", "list"):
            return list(value)
        if type_.kind == "record":
            return [part for each, given in zip(type_.of, value, strict=True) for part in self.flat(each, given)]
        case, payload = value
        out = [number(case)] + ([] if payload is None else self.flat(type_.of[case], payload))
        return out + [number(0)] * (len(type_.flat()) - len(out))

    def put(self, type_: Type, value, at: int) -> None:
        """Stores a value in the scratch memory."""
        if isinstance(value, Expression):
            self.store(type_.size_and_alignment()[0], at, value)
        elif type_.kind in ("string", "list"):
            self.store(4, at, value[0])
            self.store(4, at + 4, value[1])
        elif type_.kind == "record":
            for (offset, each), given in zip(type_.fields(), value, strict=True):
                self.put(each, given, at + offset)
        else:
            case, payload = value
            self.store(1, at, number(case))
            if payload is not None:
                self.put(type_.of[case], payload, at + type_.payload_at())

    # --- what a guest does ------------------------------------------------------------------------

    def invoke(self, place: int, each: random_guest.Import, level: int = 0) -> int:
        """Calls a function with values of its types; keeps what it gives."""
        function, outer = each.function, self.context
        self.context = function.name
        values = [self.value(type_, level) for type_ in function.parameters]
        self.context = outer
        most = 4 if each.is_async else 16
        if function.in_memory > most:
            whole = Type("record", "", function.parameters)
            at = self.room(whole.size_and_alignment()[0])
            self.put(whole, values, at)
            arguments = [in_scratch(at)]
        else:
            arguments = [part for type_, given in zip(function.parameters, values, strict=True) for part in self.flat(type_, given)]
        taken = each.core.partition(":")[0]
        if len(taken) > len(arguments):
            arguments.append(number(self.random.choice(BAD_POINTERS)) if self.chance(self.carelessness / 4) else of_step(7, self.steps, 0))
        step = self.call(place, arguments)
        if function.result:
            if len(taken) == len(arguments) and taken and not each.core.endswith(":i") or each.is_async:
                self.found(function.result, step, 0)
            elif function.result.kind == "own":
                self.keep(key_of(function.result), of_step(2, step))
        if each.is_async:
            subtask = of_step(4, step)
            self.keep("subtask", subtask)
            if self.chance(0.7):
                self.wait([subtask])
        self.after(function.name, level)
        return step

    def after(self, name: str, level: int) -> None:
        """What makes that of use that was just made."""
        if name == "[static]request.new" and self.chance(0.9):
            for what in ("method", "scheme", "authority", "path-with-query"):
                if what != "method" or self.chance(0.5):
                    self.invoke(*self.named(f"[method]request.set-{what}"), level)
        elif name == "[static]tcp-socket.create" and self.chance(0.7):
            self.invoke(*self.named("[async-lower][method]tcp-socket.connect"), level)

    def named(self, name: str) -> tuple[int, random_guest.Import]:
        return next((place, each) for place, each in self.imports.calls if each.name == name)

    def wait(self, waitables: list[Expression]) -> None:
        """For one of them, or for a little while."""
        waiting = self.handle("set", False)
        timer = of_step(4, self.call(("call", CLOCK, "[async-lower]wait-for"), [number(self.random.choice((1000, 1_000_000, 10_000_000)))]))
        for each in (*waitables, timer):
            self.call(("builtin", "waitable-join"), [each.required, waiting])
        for _ in range(self.random.choice((1, 1, 2))):
            self.one_event(waiting)
        if self.chance(0.8):
            self.call(("builtin", "subtask-drop"), [timer.required])

    def one_event(self, waiting: Expression) -> None:
        if self.has_callback and not self.in_thread and self.chance(0.85):
            step, self.steps = min(self.steps, LAST_STEP), min(self.steps, LAST_STEP) + 1
            code = 2 if self.chance(0.9) else 1
            value = waiting if code == 2 else number(0)
            self.other(f"{step}: return {code}", bytes([3, step, code]), *value.pieces)
        else:
            label = "waitable-set-wait" if self.chance(0.9) else self.random.choice(("waitable-set-poll", "[cancellable]waitable-set-wait"))
            self.call(("builtin", label), [waiting, of_step(7, self.steps, 0)])

    def use_end(self) -> None:
        """Reads, writes, cancels or drops an end of a stream or future."""
        kinds = [kind for kind in self.handles if kind.startswith(("stream", "future", "writable")) and self.living(kind)]
        if not kinds:
            self.new_ends(self.random.choice(sorted(self.imports.payloads)))
            return
        kind = self.random.choice(kinds)
        chosen = self.random.choice(self.living(kind)[-4:])
        what = kind.removeprefix("writable ")
        side = "write" if kind != what else "read"
        action = self.random.choices(("copy", "cancel", "drop", "join"), (6, 1.5, 1.5, 1))[0]
        if self.chance(self.carelessness):
            what = self.random.choice(sorted(self.imports.payloads))
        if action == "copy" and chosen.is_pair and "u8" not in what and not self.chance(self.carelessness):
            action = "join"
        end = chosen.expression.required
        lowered = not self.chance(self.sync_share)
        if action == "copy":
            self.copy(what, side, end, lowered)
        elif action == "cancel":
            self.call(("end", what, f"cancel-{side}", lowered), [end])
        elif action == "join":
            self.wait([chosen.expression])
        else:
            self.call(("end", what, f"drop-{'readable' if side == 'read' else 'writable'}", False), [end])
            chosen.alive = False
            return
        if action == "copy" and self.chance(0.5):
            self.wait([chosen.expression])

    def copy(self, what: str, side: str, end: Expression, lowered: bool) -> None:
        payload = self.imports.payloads[what]
        element = payload.of[0] if payload.of else None
        is_bytes = element is not None and element.kind == "u8"
        count = self.random.choice((0, 1, 10, 1000, 16384, 60000)) if is_bytes else self.random.choice((0, 1, 1, 1, 2))
        pointer = in_scratch(self.room(16)) if is_bytes else of_step(7, min(self.steps, LAST_STEP), 0)
        if side == "write" and element is not None and not is_bytes:
            at = self.room(element.size_and_alignment()[0] * 2)
            self.put(element, self.value(element, 1), at)
            pointer, count = in_scratch(at), min(count, 1)
        if self.chance(self.carelessness / 4):
            pointer = number(self.random.choice(BAD_POINTERS))
        arguments = [end, pointer] + ([number(count)] if payload.kind == "stream" else [])
        step = self.call(("end", what, side, lowered), arguments)
        if side == "read" and element is not None and not is_bytes:
            self.found(element, step, 0)

    def use_subtask(self) -> None:
        found = self.living("subtask")
        if not found:
            return
        chosen = self.random.choice(found[-4:])
        action = self.random.choice(("wait", "wait", "cancel", "drop"))
        if action == "wait":
            self.wait([chosen.expression])
        elif action == "cancel":
            label = "[async-lower]subtask-cancel" if not self.chance(self.sync_share) else "subtask-cancel"
            self.call(("builtin", label), [chosen.expression.required])
        else:
            self.call(("builtin", "subtask-drop"), [chosen.expression.required])

    def use_builtin(self) -> None:
        label = self.random.choice((
            "waitable-set-new", "waitable-set-drop", "waitable-join", "waitable-set-poll", "backpressure-inc", "backpressure-dec",
            "context-get-1", "context-set-1", "thread-index", "thread-yield", "[cancellable]thread-yield", "error-context"))
        if label == "error-context":
            step = self.call(("builtin", "error-context-new-utf8"), list(self.text(self.random.choice(VALUES))))
            self.call(("builtin", "error-context-debug-message-utf8"), [of_step(2, step).required, of_step(7, self.steps, 0)])
            self.call(("builtin", "error-context-drop"), [of_step(2, step).required])
        elif label == "waitable-set-drop":
            self.call(("builtin", label), [self.handle("set", self.chance(0.5))])
        elif label == "waitable-join":
            kinds = [kind for kind in self.handles if not kind.startswith("own") and kind not in ("set", "thread") and self.living(kind)]
            if kinds:
                which = self.random.choice(self.living(self.random.choice(kinds))).expression
                self.call(("builtin", label), [which.required, number(0) if self.chance(0.3) else self.handle("set", False)])
        elif label == "waitable-set-poll":
            self.call(("builtin", label), [self.handle("set", False), of_step(7, self.steps, 0)])
        elif label == "waitable-set-new":
            self.produce("set", 0)
        elif label.startswith("backpressure") and self.chance(0.8):
            pass
        else:
            self.call(("builtin", label), [number(5)] if label == "context-set-1" else [])

    def use_thread(self) -> None:
        """Starts another thread of the task, or lets one go on."""
        found = self.living("thread")
        if not found or (self.chance(0.4) and len(self.threads) < 3 and not self.in_thread):
            self.labels += 1
            step = self.call(("builtin", "thread-new-indirect-v0"), [THREAD_FUNCTION, Expression((b"\x0c", Label(self.labels)))])
            self.threads.append(self.labels)
            self.keep("thread", of_step(2, step))
            if self.chance(0.8):
                self.call(("builtin", "thread-resume-later"), [of_step(2, step).required])
            return
        label = self.random.choice(("thread-resume-later", "thread-yield", "thread-suspend-then-resume", "thread-yield-then-resume",
                                    "thread-suspend-then-promote", "thread-yield-then-promote", "thread-suspend"))
        takes_one = label not in ("thread-yield", "thread-suspend")
        self.call(("builtin", label), [self.random.choice(found).expression.required] if takes_one else [])

    def use_function(self) -> None:
        self.invoke(*self.random.choices(self.imports.calls, self.weights)[0])

    def drop_resource(self) -> None:
        kinds = [kind for kind in self.handles if kind.startswith("own ") and self.living(kind)]
        if kinds:
            kind = self.random.choice(kinds)
            self.call(("drop", kind.removeprefix("own ")), [self.handle(kind, True, 9)])

    def misallocate(self) -> None:
        mode = self.random.choice((1, 1, 2, 3))
        value = number(self.random.choice(BAD_POINTERS)) if mode == 1 else number(self.random.randrange(100))
        self.other(f"allocator {mode}", bytes([5, mode]), *value.pieces)

    def respond(self) -> None:
        """Answers, mostly with a response."""
        result = random_guest.HANDLER
        type_ = self.imports.wit.functions[result, "handle"].result
        self.context = "task-return"
        self.call(("builtin", "task-return"), self.flat(type_, self.value(type_, 0)))
        self.context = ""
        self.has_returned = True

    def repeat(self) -> None:
        """Does the last few steps again."""
        if len(self.operations) < 3:
            return
        self.labels += 1
        at = self.operations[-self.random.randint(1, min(12, len(self.operations)))]
        if at.label is None:
            at.label = self.labels
        times = self.random.choice((1, 2, 5, 30))
        self.other(f"again {times} times from {at.says}", bytes([6, self.labels % 256, times]), Label(at.label))

    def act(self) -> None:
        actions = (
            (self.use_function, 6), (self.use_end, 6), (self.use_subtask, 1.5), (self.use_builtin, 1), (self.use_thread, 0.5),
            (self.drop_resource, 0.7), (self.repeat, 0.3), (self.misallocate, self.carelessness), (self.task_cancel, self.carelessness / 4))
        self.random.choices([each for each, _ in actions], [weight for _, weight in actions])[0]()

    def task_cancel(self) -> None:
        self.call(("builtin", "task-cancel"), [])

    def write(self, most: int = 24) -> Script:
        self.keep(f"own {HTTP}#request", REQUEST)
        actions = self.random.randint(1, most)
        onward = ("call", random_guest.HANDLER, "[async-lower]handle")
        if onward in self.imports and self.chance(0.5):
            self.invoke(self.imports[onward], self.imports.all[self.imports[onward]])
        answers_at = self.random.randrange(actions) if self.chance(0.9) else actions
        for each in range(actions):
            if each == answers_at:
                self.respond()
            self.act()
        if self.chance(0.5):
            for _ in range(self.random.randint(1, 4)):
                self.wait([])
        self.other(*(("trap", b"\x04") if self.chance(0.05) else ("end", b"\0")))
        self.in_thread = True
        for label in self.threads:
            self.operations.append(Operation([], f"thread {label}:", label))
            for _ in range(self.random.randint(1, 5)):
                self.act()
            self.other("end", b"\0")
        return Script(self.operations, self.texts)


def deep(function) -> bool:
    """Whether it has to do with streams, futures or waiting."""
    return function.is_async or any(True for _ in function.payloads())
