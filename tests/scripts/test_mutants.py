"""`make mutants` in short: the rooms are there, spelling is no mutant, a sample of the ledger's rules is killed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts import mutants
from scripts.mutants import ROOMS, ROOT, Mutant, report, run, sample


def mutant(number: int, outcome: str = "killed", **changes: object) -> Mutant:
    known = {"name": f"gaelp.ledger.rules.x_judge__mutmut_{number}", "room": "ledger rules", "only_words": False}
    return Mutant(**(known | {"before": "a < b", "after": f"a <= b + {number}", "outcome": outcome} | changes))  # type: ignore[arg-type]


def test_every_room_has_files_and_tests() -> None:
    """A room that was moved away would otherwise be tested by nobody, and found to be well tested."""
    for room in ROOMS.values():
        assert all(list(ROOT.glob(pattern)) for pattern in room.files)
        assert all((ROOT / test).exists() for test in room.tests)


def test_a_sample_depends_on_the_seed_alone_and_leaves_spelling_out() -> None:
    """The same mutants are drawn again, and none that only changes how a sentence is spelled."""
    made = [mutant(number, only_words=number % 2 == 0) for number in range(100)]
    assert sample(made, 10, seed=1) == sample(made, 10, seed=1) != sample(made, 10, seed=2)
    assert len(sample(made, 80, seed=1)) == 50
    assert not any(each.only_words for each in sample(made, 80, seed=1))


@pytest.mark.parametrize(("survivors", "enough"), [(1, True), (2, False)])
def test_nine_of_ten_are_enough(survivors: int, enough: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """A room with fewer fails the run, and every survivor is printed with its lines."""
    ran = [mutant(number, "survived" if number < survivors else "killed") for number in range(10)]
    assert report(ran) is enough
    assert capsys.readouterr().out.count("survived: gaelp.ledger.rules") == survivors


def code_of(function: str) -> set[str]:
    """The lines of a function or method, as mutmut writes them; none where it is not there any more."""
    names = function.split(".")
    length = next(n for n in range(len(names), 0, -1) if ROOT.joinpath(*names[:n]).with_suffix(".py").exists())
    found: ast.AST | None = ast.parse(ROOT.joinpath(*names[:length]).with_suffix(".py").read_text())
    for name in names[length:]:
        children = ast.iter_child_nodes(found) if found is not None else ()
        found = next((child for child in children if getattr(child, "name", None) == name), None)
    return set() if found is None else {line.strip() for line in ast.unparse(found).splitlines()}


def test_every_listed_equivalent_names_code_that_is_there() -> None:
    """A reason that outlives its line would excuse a mutant of whatever is written there next."""
    gone = [(function, before) for function, before, _ in mutants.equivalents() if before not in code_of(function)]
    assert gone == []
    assert code_of("gaelp.money.no_such_function") == set()


def test_a_listed_equivalent_is_not_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is known by its function and its lines, and not by its number, which moves with the code around it."""
    file = tmp_path / "equivalent.toml"
    line = (
        '[[equivalent]]\nfunction = "gaelp.ledger.rules.judge"\nbefore = "a < b"\nafter = "a <= b + 7"\nreason = "x"\n'
    )
    file.write_text(line)
    monkeypatch.setattr(mutants, "EQUIVALENT", file)
    assert report([mutant(7, "survived"), mutant(8)])
    assert not report([mutant(6, "survived"), mutant(8)])


def test_nothing_killed_is_not_enough() -> None:
    """A run that the time limit ended before its first mutant proves nothing."""
    assert not report([mutant(1, "not reached")])


@pytest.mark.timeout(600)  # some 20 s of processor time, and much longer where all cores are busy
def test_a_sample_of_the_ledgers_rules_is_killed(tmp_path: Path) -> None:
    """The short run: no room but this one, few mutants, and at least nine of ten are noticed by the ledger's tests."""
    ran = run(tmp_path / "copy", ["ledger rules"], per_room=20, seed=mutants.SEED, seconds=570)
    assert len(ran) == 20
    assert report(ran)
