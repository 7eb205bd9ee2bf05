"""Characters that nobody sees are refused where a text comes in, and spelt where one goes out."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from compiler_tests.example_models.small_models import OUTBREAK
from lpmdsl.backends.llvm import listing, units
from lpmdsl.backends.program_text import program_text
from lpmdsl.backends.triton import triton_module
from lpmdsl.compiler import Compiled, check_source, compile_model
from lpmdsl.diagnostics import Report, render_text
from lpmdsl.escaping import LINE_BREAKS, cell_fault, comment
from lpmdsl.program.verify import MalformedProgram, verify_names
from lpmdsl.source import Source
from lpmdsl.syntax.parse import read_source

HIDDEN = [*LINE_BREAKS.replace("\n", ""), *"\0\x07\x1b\x7f\x9b\xad\u061c\u200b\u202e\u2066\ufeff\ud800\U000e0041"]
PLACES = {
    "remark": ("# A", "# {}A"),
    "doc comment": ("## A school", "## A {}school"),
    "source": ("A made-up class", "A made-{}up class"),
    "name": ("model outbreak", "model out{}break"),
    "label": ("states S, I, R", 'states S, I, "R{}"'),
    "between words": ("agent Pupil", "agent {}Pupil"),
}
TEXT = OUTBREAK.replace("clock\n", "# A remark\nclock\n", 1)


def checked(text: str, name: str = "town.lpm") -> tuple[Compiled | None, Report]:
    report = Report()
    found = check_source(Source(name, text), report)
    return (compile_model(*found) if found is not None else None), report


@pytest.mark.parametrize("place", PLACES)
def test_no_part_of_a_model_hides_a_character(place: str) -> None:
    before, after = PLACES[place]
    for character in HIDDEN:
        text = TEXT.replace(before, after.format(character), 1)
        _, report = checked(text)
        assert [d.code for d in report.diagnostics] == ["E0115"], repr(character)
        (found,) = report.diagnostics
        assert found.span.source.text[found.span.start] == character
        shown = render_text(found)
        assert len(shown.splitlines()) == 4
        assert all(c.isprintable() or c == "\n" for c in shown)


def test_a_tab_inside_quotes_is_refused_and_one_outside_is_not() -> None:
    assert checked(TEXT.replace("states S, I, R", 'states S, I, "a\tb"'))[1].diagnostics[0].code == "E0115"
    tabbed = TEXT.replace("  states", "\tstates").replace("# A remark", "# A\tremark").replace("\n", "\r\n")
    assert not checked("\ufeff" + tabbed)[1].diagnostics


def test_what_people_write_is_not_hidden() -> None:
    for said in ("Zürich", "北京", "می‌خواهم", "👩‍⚕️", "naïve café", "x² ≤ 3 µm"):
        assert cell_fault(said) == ""


def test_names_and_labels_have_a_length() -> None:
    for before, after in (("beta", "b" * 10_000), ("states S, I, R", f'states S, I, R, "{"x" * 501}"')):
        report = checked(TEXT.replace(before, after))[1]
        assert {d.code for d in report.diagnostics} == {"E0116"}
    long = TEXT.replace("Spots", "S" * 200).replace("Pupil", "P" * 200).replace("class", "c" * 200)
    made, report = checked(long.replace("outbreak", "o" * 200))
    assert made is not None
    for module in (made.emit("cpu"), made.emit("triton")):
        assert all(len(f.name) <= 90 for f in ast.walk(ast.parse(module)) if isinstance(f, ast.FunctionDef))


def test_the_name_of_a_file_adds_no_line_to_generated_code(tmp_path: Path) -> None:
    plain, _ = checked(TEXT)
    assert plain is not None
    for name in ("a\nimport os; os.abort()\n.lpm", "a\rimport os\r.lpm", "a\x0b\x0c\u2028b.lpm", "\"\"\"'''\\.lpm"):
        path = tmp_path / name
        path.write_text(TEXT, encoding="utf-8")
        source = read_source(path, Report())
        assert source is not None
        found = check_source(source, Report())
        assert found is not None
        made = compile_model(*found)
        for target in ("cpu", "triton", "ir"):
            assert len(made.emit(target).splitlines()) == len(plain.emit(target).splitlines())
            if target != "ir":
                assert ast.dump(ast.parse(made.emit(target))) == ast.dump(ast.parse(plain.emit(target)))


def test_no_text_but_a_name_gets_into_code() -> None:
    made, _ = checked(TEXT)
    assert made is not None
    program = made.program
    kernel = program.kernels[0]
    bad = (
        replace(program, name="a\nb"),
        replace(program, kernels=(replace(kernel, domain="Pupil):\n  boom()\n#"), *program.kernels[1:])),
        replace(program, buffers=(replace(program.buffers[0], shape=("n; boom()",)), *program.buffers[1:])),
        replace(program, kernels=(replace(kernel, over="é"), *program.kernels[1:])),
    )
    for one in bad:
        for use in (verify_names, listing.emit, units.emit, triton_module.emit, program_text):
            with pytest.raises(MalformedProgram):
                use(one)


def test_a_remark_is_one_line_of_letters() -> None:
    for character in ("\n", *HIDDEN, "\\", "\t"):
        assert comment(f"a{character}b") == "a?b"
    assert len(comment("x" * 10_000)) == 160
