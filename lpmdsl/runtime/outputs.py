"""The output folder of a run: written as the run goes on, so that what is there is always readable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lpmdsl.config import MANIFEST_NAME, Manifest
from lpmdsl.diagnostics import fail
from lpmdsl.runtime.results import COMPARISON_NAME, OBSERVATIONS_NAME, Results, csv_text, empty_observations
from lpmdsl.source import Source, Span

PARQUET_NAME = "observations.parquet"
REPORT_NAME = "report.html"
OUR_FILES = (OBSERVATIONS_NAME, PARQUET_NAME, COMPARISON_NAME, REPORT_NAME)


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """A folder that holds one run and nothing else of ours."""

    path: Path

    def begin(self, manifest: Manifest) -> None:
        """Clears an earlier run's files and writes the manifest (``complete: false``) and the table's header."""
        with writing(self.path):
            self.write_manifest(manifest)
            # An old report beside a new manifest would pass for the new run's.
            for name in OUR_FILES:
                (self.path / name).unlink(missing_ok=True)
            self._replace(OBSERVATIONS_NAME, csv_text(empty_observations()))

    def append(self, rows: pd.DataFrame) -> None:
        """Adds the reports of one replicate."""
        with writing(self.path), (self.path / OBSERVATIONS_NAME).open("a", encoding="utf-8", newline="\n") as file:
            file.write(csv_text(rows, header=False))

    def write_manifest(self, manifest: Manifest) -> None:
        with writing(self.path):
            self._replace(MANIFEST_NAME, manifest.model_dump_json(indent=2) + "\n")

    def finish(self, results: Results, report_page: str) -> None:
        """Writes the Parquet copy, the comparison, the report and, last of all, the manifest."""
        with writing(self.path):
            results.to_parquet(self.path / PARQUET_NAME)
            if not results.comparison.empty:
                self._replace(COMPARISON_NAME, csv_text(results.comparison))
            self._replace(REPORT_NAME, report_page)
            self.write_manifest(results.manifest)

    def _replace(self, name: str, text: str) -> None:
        """Writes beside the file and renames, so a reader never sees half of it."""
        replace_file(self.path / name, text)


def replace_file(path: Path, text: str) -> None:
    """Writes beside the file and renames."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)


def open_folder(path: Path) -> OutputFolder:
    """The folder, made if need be.

    Raises ``LpmError``: E0807 if it holds something else, E0808 if it cannot be written.
    """
    with writing(path):
        if path.exists() and not path.is_dir():
            raise fail("E0807", "This is a file, not a folder.", _place(path), help="Give another name with --out.")
        if path.is_dir() and any(path.iterdir()) and not (path / MANIFEST_NAME).is_file():
            raise fail(
                "E0807",
                f"This folder has files in it but no {MANIFEST_NAME}: it is not an earlier run's.",
                _place(path),
                help="Give an empty or new folder with --out.",
            )
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    return OutputFolder(path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the operating system refuses into E0808."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise fail(
            "E0808",
            f"The results cannot be written here: {reason}.",
            _place(path),
            help="Give another folder with --out.",
        ) from error


def _place(path: Path) -> Span:
    return Span(Source(str(path), ""), 0, 0)
