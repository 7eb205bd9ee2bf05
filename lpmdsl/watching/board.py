"""Board on which the newest report and how it stands are posted, for everybody who looks at the page."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

State = Literal["running", "done", "wrong"]


@dataclass(frozen=True, slots=True)
class News:
    """Notice at one moment. ``number`` rises with every notice, ``report`` with every new report (0: none yet).

    ``told``: diagnostics as the terminal shows them, of a text in which something is wrong.
    """

    number: int = 0
    report: int = 0
    state: State = "running"
    told: tuple[str, ...] = ()


@dataclass(slots=True)
class Board:
    """The present notice and the present report, read and written by several threads."""

    news: News = field(default_factory=News)
    page: str = ""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def post(self, state: State, told: tuple[str, ...] = (), page: str | None = None) -> None:
        """Put up how it stands, with a new report if there is one."""
        with self._changed:
            report = self.news.report + (page is not None)
            self.news = News(self.news.number + 1, report, state, told)
            self.page = self.page if page is None else page
            self._changed.notify_all()

    def wait_for_more(self, than: int, seconds: float) -> News | None:
        """The present notice if its number is larger than ``than``, once it is; None if nothing comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self.news.number > than, seconds)
            return self.news if self.news.number > than else None
