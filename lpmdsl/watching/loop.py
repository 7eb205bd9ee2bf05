"""The loop of ``lpmc watch``: a save stops the run that goes on and starts the next; Ctrl-C ends it all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from lpmdsl.diagnostics import LpmError, Report, render_text
from lpmdsl.reading.door import each_look
from lpmdsl.runtime.api import LoadedModel
from lpmdsl.runtime.engine.simulate import Stop
from lpmdsl.runtime.reports.run_page import report_page
from lpmdsl.runtime.results import Results
from lpmdsl.watching.board import Board
from lpmdsl.watching.files import Watched, saves

PATIENCE = 10.0  # seconds that a run gets to stop at the end of its block of steps


@dataclass(frozen=True, slots=True)
class Rounds:
    """Steps that are taken at every save, and how they are told; each is called in the thread of the rounds.

    ``load``: the checked model; raises ``LpmError``. ``run``: its results, stopped early when asked to. ``checked``:
    tells what the check found. ``ran``: tells the results. ``failed``: tells of an exception that is no user's mistake.
    """

    load: Callable[[], LoadedModel]
    run: Callable[[LoadedModel, Stop], Results]
    checked: Callable[[Report], None]
    ran: Callable[[Results], None]
    failed: Callable[[Exception], str]


@dataclass(slots=True)
class Watch:
    """A model that is run again at every save, in one thread, while another waits for the next save."""

    watched: Watched
    rounds: Rounds
    board: Board
    _stop: Stop = field(default_factory=Stop)
    _ended: bool = False
    _again: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def until_interrupted(self) -> bool:
        """Go on until Ctrl-C. False if a run could not be stopped in time: it goes on in its thread.

        Raises ``LpmError`` (E0770).
        """
        self.watched.begin()
        self._again.set()
        thread = threading.Thread(target=self._go_on, daemon=True)
        thread.start()
        try:
            for _ in saves(self.watched):
                self._stop_and(self._again.set)
        except KeyboardInterrupt:
            pass
        finally:
            self._ended = True
            self._stop_and(self._again.set)
        thread.join(PATIENCE)
        return not thread.is_alive()

    def _stop_and(self, then: Callable[[], None]) -> None:
        with self._lock:
            self._stop.asked = True
            then()

    def _go_on(self) -> None:
        with each_look(self.watched.look):
            while not self._ended:
                self._again.wait()
                with self._lock:
                    self._stop = Stop(asked=self._ended)
                    self._again.clear()
                if not self._stop.asked:
                    self._round(self._stop)

    def _round(self, stop: Stop) -> None:
        """Check, run, tell. Whatever happens, the next save begins anew."""
        self.watched.begin()
        self.board.post("running")
        try:
            loaded = self.rounds.load()
            self.rounds.checked(loaded.report)
            if stop.asked:
                return
            results = self.rounds.run(loaded, stop)
            if stop.asked:
                return  # another text has been saved: nobody waits for these
            self.watched.settle()
            self.rounds.ran(results)
            self._post(loaded, results)
        except LpmError as error:
            self.rounds.checked(error.report)
            self.board.post("wrong", _told(error.report))
        except Exception as error:  # a fault of ours is told, and the next save tried
            self.board.post("wrong", (self.rounds.failed(error),))

    def _post(self, loaded: LoadedModel, results: Results) -> None:
        state = "wrong" if results.report.has_errors else "done"
        self.board.post(state, _told(results.report), report_page(loaded.model, loaded.source, results))


def _told(report: Report) -> tuple[str, ...]:
    return tuple(render_text(d) for d in report.sorted())
