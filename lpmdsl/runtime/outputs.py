"""The output folder of a run: written as the run goes on, so that what is there is always readable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lpmdsl.config import MANIFEST_NAME, Manifest
from lpmdsl.runtime.results import (
    COMPARISON_NAME,
    OBSERVATIONS_NAME,
    PARQUET_NAME,
    REPORT_NAME,
    RUN,
    Results,
    csv_text,
    empty_observations,
    parquet_bytes,
)
from lpmdsl.runtime.table import Table
from lpmdsl.writing.folders import Folder, Say, open_folder, unsaid


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """A folder that holds one run and nothing else of ours; an earlier whole run stays until this one is whole."""

    folder: Folder

    def begin(self, manifest: Manifest) -> None:
        """Writes the manifest (``complete: false``) and the table's header, beside an earlier run."""
        self.folder.begin(_json(manifest))
        self.folder.put(OBSERVATIONS_NAME, csv_text(empty_observations()))

    def append(self, rows: Table) -> None:
        """Adds the reports of one replicate."""
        self.folder.append(OBSERVATIONS_NAME, csv_text(rows, header=False))

    def finish(self, results: Results, report_page: str) -> Results:
        """Writes the Parquet copy, the comparison, the report and, last, the manifest; the results as written."""
        self.folder.put(PARQUET_NAME, parquet_bytes(results.table))
        if len(results.compared):
            self.folder.put(COMPARISON_NAME, csv_text(results.compared))
        self.folder.put(REPORT_NAME, report_page)
        manifest = results.manifest.model_copy(update={"files": self.folder.digests()})
        at = self.folder.finish(_json(manifest), results.manifest.complete)
        written = Manifest.model_validate_json((at / MANIFEST_NAME).read_text(encoding="utf-8"))
        return replace(results, manifest=written, folder=at)


def open_run(path: Path, force: bool = False, say: Say = unsaid) -> Folder:
    """The folder for a run, locked until it is left. Raises ``LpmError``: see ``writing.folders.open_folder``."""
    return open_folder(path, RUN, force, say)


def _json(manifest: Manifest) -> str:
    return manifest.model_dump_json(indent=2) + "\n"
