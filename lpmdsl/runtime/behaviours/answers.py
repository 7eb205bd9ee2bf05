"""Answers for archetypes: from memory, else from the ledger, else from the server, else as the model says otherwise.

Everything that counts is in the order of keys and never in that of replies: what is kept, what is returned, what a run
comes to. Only the moment of a stop can depend on the order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import Archetype, Ask
from lpmdsl.config import BehaviourRecord, LlmOptions, LlmRecord
from lpmdsl.diagnostics import fail
from lpmdsl.runtime.behaviours.budget import Budget
from lpmdsl.runtime.behaviours.grouping import medoids
from lpmdsl.runtime.behaviours.ledger import Entry, Ledger
from lpmdsl.runtime.behaviours.render import Request, request_of
from lpmdsl.runtime.behaviours.replies import Invalid, kept_probabilities, reply_values
from lpmdsl.runtime.behaviours.tables import Value, numbers, of_all_labels, rows
from lpmdsl.semantics.analysis.archetypes import answers_of, asked_as
from lpmdsl.semantics.analysis.representatives import Kinds, kinds
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Behaviour, Model
from lpmdsl.semantics.spans import word_span

if TYPE_CHECKING:
    # Loads the package `openai`, an extra that a replay does without.
    from lpmdsl.runtime.behaviours.client import Client, Outcome

COMMIT_EVERY = 64  # replies in one transaction; what an abrupt end can lose, beside those under way

Labels = tuple[str, ...]
Reply = tuple[Value, ...] | None
"""The same for each thing that a reply says."""


@dataclass(slots=True)
class Answers:
    """The answers of one run, shared by its replicates and scenarios; ``stopped`` says when the user has had enough."""

    model: Model
    options: LlmOptions
    llm: str
    ledger: Ledger
    budget: Budget
    client: Client | None = None
    stopped: Callable[[], bool] = lambda: False
    each: dict[str, BehaviourRecord] = field(default_factory=dict)
    uses: dict[tuple[str, str], int] = field(default_factory=dict)
    _known: dict[tuple[str, tuple[str, ...]], tuple[Reply, ...]] = field(default_factory=dict)
    _heard: dict[tuple[str, Labels], int] = field(default_factory=dict)
    """Behaviour and labels of an archetype → how often it was looked up."""
    _groups: dict[str, tuple[Kinds, dict[Labels, Labels]]] = field(default_factory=dict)
    """Behaviour → its kinds of people, and the kind that is asked for each."""
    _requests: dict[tuple[str, tuple[str, ...]], Request] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _run: int | None = None

    def ask_for(self, parameters: Mapping[str, float], counts: Mapping[str, int]) -> Ask:
        """Answers for a run with these parameters (base units), which decide what happens without a reply."""
        scope = Scope(self.model, parameters, counts=counts)

        def ask(name: str, step: int, who: tuple[Archetype, ...]) -> NDArray[np.float64]:
            behaviour = self.model.behaviour(name)
            values = self.values(behaviour, who)
            return rows(behaviour, values, float(evaluate(behaviour.otherwise, scope)))

        return ask

    def values(self, behaviour: Behaviour, who: Sequence[Archetype]) -> list[tuple[Value, ...]]:
        """The replies of each archetype; of several answers its own. Raises ``LpmError`` to end the run."""
        asked = self.model.behaviour(asked_as(behaviour))
        with self._lock:
            stands = {a.labels: self._stands_for(asked, a.labels) for a in who}
            self._learn_of(asked, stands.values())
            for archetype in who if asked is behaviour else ():
                heard = behaviour.name, archetype.labels
                self._heard[heard] = self._heard.get(heard, 0) + 1
                use = behaviour.name, self._request(behaviour, Archetype(0, stands[archetype.labels])).key
                self.uses[use] = self.uses.get(use, 0) + 1
            return [self._parts(behaviour, asked, stands[a.labels]) for a in who]

    def _learn_of(self, behaviour: Behaviour, several: Iterable[Labels]) -> None:
        """Get the replies about archetypes of which there are none yet, each once, in the order in which they come."""
        new = [labels for labels in dict.fromkeys(several) if (behaviour.name, labels) not in self._known]
        if new:
            self._learn(behaviour, [Archetype(0, labels) for labels in new])

    def _parts(self, behaviour: Behaviour, asked: Behaviour, labels: tuple[str, ...]) -> tuple[Value, ...]:
        """One of the answers in each reply about an archetype."""
        place = next(k for k, answer in enumerate(answers_of(asked)) if answer.into == behaviour.into)
        return tuple(reply[place] if reply is not None else None for reply in self._known[asked.name, labels])

    def replies_of(self, behaviour: Behaviour) -> dict[tuple[str, ...], tuple[tuple[Value, ...], int]]:
        """By an archetype's labels: its replies and how often they were used."""
        return {
            labels: (self._parts(behaviour, behaviour, self._stands_for(behaviour, labels)), uses)
            for (name, labels), uses in self._heard.items() if name == behaviour.name
        }  # fmt: skip

    # ------------------------------------------------------------------ representatives

    def _stands_for(self, behaviour: Behaviour, labels: Labels) -> Labels:
        """Labels of the archetype that is asked for this one: the same moment of the kind that represents its kind."""
        if behaviour.representatives is None:
            return labels
        if behaviour.name not in self._groups:
            of = kinds(self.model, behaviour)
            self._groups[behaviour.name] = of, self._grouped(behaviour, of, behaviour.representatives.count)
        of, stands = self._groups[behaviour.name]
        kind, moment = of.split(labels)
        return of.joined(stands[kind], moment)

    def _grouped(self, behaviour: Behaviour, of: Kinds, count: int) -> dict[Labels, Labels]:
        """By each kind of people that which is asked for it. All kinds are asked a battery, whoever there is: so groups
        are the same in every replicate and scenario, and follow from what the ledger keeps."""
        each = of.each
        asked = [[of.joined(kind, moment) for moment in of.battery] for kind in each]
        self._learn_of(behaviour, (labels for some in asked for labels in some))
        answers = [[n for labels in some for n in self._numbers(behaviour, labels)] for some in asked]
        stands = [each[k] for k in medoids(np.array(answers), count)]
        told = self._record(behaviour).asked_for
        told |= {", ".join(kind): ", ".join(by) for kind, by in zip(each, stands, strict=True)}
        return dict(zip(each, stands, strict=True))

    def _numbers(self, behaviour: Behaviour, labels: Labels) -> list[float]:
        """Numbers by which the answers about an archetype differ from those about others."""
        several = [b for b in self.model.behaviours if asked_as(b) == behaviour.name]
        return [n for one in several for n in numbers(one, self._parts(one, behaviour, labels))]

    # ------------------------------------------------------------------ learning

    def _learn(self, behaviour: Behaviour, new: Sequence[Archetype]) -> None:
        """Gets the replies of archetypes that nobody has asked about in this run."""
        requests = {a.labels: self._request(behaviour, a) for a in new}
        record, times = self._record(behaviour), max(1, behaviour.asks)
        by_key = {r.key: r for r in requests.values()}
        record.archetypes += len(new)
        record.asks += len(by_key) * times
        self.budget.promised(behaviour, record)
        kept = self.ledger.replies(by_key)
        wanted = [(key, ask) for key in sorted(by_key) for ask in range(times)]
        missing = [pair for pair in wanted if not self._has(kept, pair)]
        record.hits += len(wanted) - len(missing)
        for pair in wanted:
            if pair in kept and kept[pair].reply is None and pair not in missing:
                self._fall_back(behaviour, kept[pair].reason)
        if missing:
            self._need_server(behaviour, missing, requests)
            kept |= self._asked(behaviour, [(by_key[key], ask) for key, ask in missing])
        for labels, request in requests.items():
            entries = [kept[request.key, ask] for ask in range(times)]
            self._known[behaviour.name, labels] = tuple(self._reply(behaviour, request, e) for e in entries)

    def _has(self, kept: dict[tuple[str, int], Entry], pair: tuple[str, int]) -> bool:
        """A kept fallback is an answer of a replay; while a server is there it is asked again."""
        return pair in kept and (kept[pair].reply is not None or self.client is None)

    def _request(self, behaviour: Behaviour, archetype: Archetype) -> Request:
        asked, options = (behaviour.name, archetype.labels), self.options
        if asked not in self._requests:
            made = request_of(behaviour, archetype.labels, self.llm, options.temperature, options.max_tokens)
            self._requests[asked] = made
        return self._requests[asked]

    def _record(self, behaviour: Behaviour) -> BehaviourRecord:
        return self.each.setdefault(behaviour.name, BehaviourRecord())

    def _need_server(
        self, behaviour: Behaviour, missing: list[tuple[str, int]], requests: dict[tuple[str, ...], Request]
    ) -> None:
        """In a replay nothing may be missing."""
        if self.client is not None:
            return
        lacking = {key for key, _ in missing}
        labels = next(labels for labels, request in requests.items() if request.key in lacking)
        known = [f"{k.slot} {label}" for k, label in zip(behaviour.knows, labels, strict=False)]
        known += [f"before {label}" for label in labels[len(behaviour.knows) :]]
        more = f", nor for {len(lacking) - 1:,} more archetypes" if len(lacking) > 1 else ""
        raise fail(
            "E0853",
            f"The ledger has no answer of `{self.llm}` to `{behaviour.name}` for {', '.join(known) or 'anyone'}{more}.",
            word_span(behaviour.span, behaviour.name),
            "Ask for what is missing with `--llm record`, or give the ledger that was recorded with this text.",
        )

    def _asked(self, behaviour: Behaviour, asks: list[tuple[Request, int]]) -> dict[tuple[str, int], Entry]:
        """Asks the server. What came before a stop is kept all the same."""
        assert self.client is not None
        outcomes: dict[int, Entry] = {}
        committed = 0

        def commit(least: int) -> None:
            """Keeps what has come, as far as nothing before it is under way."""
            nonlocal committed
            last = committed
            while last in outcomes:
                last += 1
            if last - committed >= least:
                self._keep(asks[committed:last], [outcomes[k] for k in range(committed, last)])
                committed = last

        def done(position: int, outcome: Outcome) -> None:
            request, ask = asks[position]
            usage, now = outcome.usage, datetime.now(UTC).isoformat(timespec="seconds")
            outcomes[position] = Entry(
                request.key, ask, outcome.reply, outcome.reason, usage.prompt_tokens, usage.completion_tokens, now
            )
            commit(COMMIT_EVERY)
            if outcome.reply is None:
                self._fall_back(behaviour, outcome.reason)

        try:
            self.client.ask_all(asks, done, self.stopped)
        finally:
            rest = [k for k in sorted(outcomes) if k >= committed]
            self._keep([asks[k] for k in rest], [outcomes[k] for k in rest])
        if len(outcomes) < len(asks):
            raise fail("E0856", "The run was interrupted while answers were under way.", behaviour.span)
        return {(e.key, e.ask): e for e in outcomes.values()}

    def _keep(self, asks: list[tuple[Request, int]], entries: list[Entry]) -> None:
        if entries:
            self.ledger.keep([(request.key, self.llm, request.body) for request, _ in asks], entries)

    def _fall_back(self, behaviour: Behaviour, reason: str) -> None:
        """Counts one ask without a reply. Raises ``LpmError`` E0854 above what the model allows."""
        record = self._record(behaviour)
        record.fallbacks += 1
        record.reasons[reason] = record.reasons.get(reason, 0) + 1
        if record.fallbacks <= behaviour.most_fallbacks * record.asks:
            return
        reasons = ", ".join(f"{reason} ({n:,})" for reason, n in sorted(record.reasons.items()))
        raise fail(
            "E0854",
            f"`{behaviour.name}` had no valid reply to {record.fallbacks:,} of {record.asks:,} asks, and "
            f"{100 * behaviour.most_fallbacks:g} % is the most: {reasons}.",
            word_span(behaviour.span, behaviour.name),
            "What was answered is kept. See docs/behaviours.md for what each reason means; "
            "`at most 10 % fallbacks` allows more.",
        )

    def _reply(self, behaviour: Behaviour, request: Request, entry: Entry) -> Reply:
        """Reply that is kept, read as strictly as if it had just come."""
        if entry.reply is None:
            return None
        try:
            if behaviour.asks:
                return reply_values(request, entry.reply)
            return (of_all_labels(behaviour, request, kept_probabilities(request, entry.reply)),)
        except Invalid as error:
            raise fail(
                "E0857",
                f"The ledger cannot be used: a reply to `{behaviour.name}` is {error}.",
                word_span(behaviour.span, behaviour.name),
                "Was it edited? Export it again from where it was recorded.",
            ) from error

    # ------------------------------------------------------------------ what it took

    def begin(self, sha256: str) -> None:
        """Notes the run in the ledger."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._run = self.ledger.begin_run(self.model.name, sha256, self.options.mode, now)

    def close(self) -> None:
        """Ends the connections and the ledger's run."""
        if self.client is not None:
            self.client.close()
        if self._run is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self.ledger.end_run(self._run, now, self.record().model_dump(mode="json"), self.uses)
        self.ledger.close()

    def record(self) -> LlmRecord:
        """For the manifest."""
        counts = self.budget.counts
        return LlmRecord(
            mode=self.options.mode,
            model=self.llm,
            note=self.ledger.note(),
            calls=counts.calls,
            retries=counts.retries,
            resamples=counts.resamples,
            prompt_tokens=counts.prompt_tokens,
            reply_tokens=counts.reply_tokens,
            cost=self.budget.cost,
            currency=self.budget.currency,
            each={name: record.model_copy(deep=True) for name, record in self.each.items()},
        )

    def status(self) -> str:
        """``120 calls, 30 hits, 8.1 k tokens, 0 fallbacks``: for the bar."""
        counts, each = self.budget.counts, list(self.each.values())
        hits, fallbacks = sum(r.hits for r in each), sum(r.fallbacks for r in each)
        tokens = (counts.prompt_tokens + counts.reply_tokens) / 1000
        return f"{counts.calls:,} calls, {hits:,} hits, {tokens:,.1f} k tokens, {fallbacks:,} fallbacks"
