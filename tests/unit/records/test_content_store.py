"""The content store: what comes back is what was put, or an error that names the digest."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.records.content_store import ContentStore, CorruptContent, MissingContent, arrays_digest

ARRAYS: dict[str, Any] = {
    "segment_values": np.array([["a", "bcd"], ["é", "\U0001f600"]]),
    "weights": np.linspace(0, 1, 6).reshape(2, 3),
    "single": np.float32([1.5]),
    "counts": np.arange(4, dtype=np.int64),
    "mask": np.array([True, False]),
    "empty": np.zeros((0, 3), "<U4"),
    "scalar": np.array(3.0),
    "text": np.array("one"),
    "bytes": np.arange(3, dtype=np.uint8),
}


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(str(tmp_path / "store"))


def stored_file(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "store").rglob("*.*")
    return path


def test_arrays_come_back_as_they_went(store: ContentStore) -> None:
    """Names, types, shapes and values survive, unicode text and empty arrays included."""
    back = store.get_arrays(store.put_arrays(ARRAYS))
    assert set(back) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert back[name].dtype == array.dtype and back[name].shape == array.shape, name
        assert np.array_equal(back[name], array), name


def test_a_digest_is_of_what_the_arrays_say(store: ContentStore) -> None:
    """Order of names, memory layout and byte order do not matter; name, type, shape and value do."""
    base = {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": np.array(["x", "y"])}
    same = {"b": base["b"][::-1][::-1], "a": np.asfortranarray(base["a"]).astype(">i4")}
    assert store.put_arrays(base) == store.put_arrays(same) == arrays_digest(base)
    others = [
        {"A": base["a"], "b": base["b"]},
        {"a": base["a"].astype(np.int64), "b": base["b"]},
        {"a": base["a"].reshape(3, 2), "b": base["b"]},
        {"a": base["a"] + 1, "b": base["b"]},
        {"a": base["a"]},
    ]
    assert len({arrays_digest(each) for each in [base, *others]}) == 6


def test_a_digest_stays_the_same_for_ever() -> None:
    """The digest of a known content is a constant: verdicts of old runs name it."""
    known = {"a": np.arange(3, dtype=np.int64), "b": np.array(["é"])}
    assert arrays_digest(known) == "9c19cf015034393c9c0cf36d839b7f5953a1a10b7b2b73041c520ac314fae609"


def test_every_flipped_byte_is_found(store: ContentStore, tmp_path: Path) -> None:
    """Whichever byte of stored arrays is changed, the read is refused and names the digest and the file."""
    digest = store.put_arrays({"values": np.arange(3.0), "names": np.array(["a", "bc"])})
    path = stored_file(tmp_path)
    whole = path.read_bytes()
    for index in range(len(whole)):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 0xFF]) + whole[index + 1 :])
        with pytest.raises(CorruptContent, match=rf"{digest}.*restore the file"):
            store.get_arrays(digest)
    for broken in (b"", whole[:-1], whole[:20], whole + b"x"):
        path.write_bytes(broken)
        with pytest.raises(CorruptContent, match=digest):
            store.get_arrays(digest)


def test_a_changed_document_is_found(store: ContentStore, tmp_path: Path) -> None:
    """One changed byte of a document is refused by its digest."""
    digest = store.put_document({"seed": 7})
    path = stored_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"7", b"8"))
    with pytest.raises(CorruptContent, match=digest):
        store.get_document(digest)


def test_documents_are_canonical(store: ContentStore) -> None:
    """A mapping's key order does not matter, and a model is stored as its JSON."""
    assert store.put_document({"b": 1, "a": "é"}) == store.put_document({"a": "é", "b": 1})
    config = TrainingConfiguration(seed=7)
    assert TrainingConfiguration.model_validate(store.get_document(store.put_document(config))) == config


def test_missing_content_names_digest_place_and_remedy(store: ContentStore, tmp_path: Path) -> None:
    """Content that is not there is an error of its own."""
    for read in (store.get_arrays, store.get_document):
        with pytest.raises(MissingContent, match=rf"{'0' * 64} is not in the store at .*{tmp_path.name}.*restore"):
            read("0" * 64)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", f"{'0' * 62}/."])
def test_what_is_no_digest_becomes_no_path(store: ContentStore, digest: str) -> None:
    """Only 64 hexadecimal digits reach the file system."""
    with pytest.raises(ValueError, match="is not a digest"):
        store.get_arrays(digest)


@pytest.mark.parametrize("array", [np.array([object()]), np.array([1j]), np.array([b"x"]), np.zeros(2, "M8[s]")])
def test_what_would_need_pickle_is_refused(store: ContentStore, array: Any) -> None:
    """Objects and exotic types are refused when put, by the array's name."""
    with pytest.raises(ValueError, match="array 'odd' has type"):
        store.put_arrays({"odd": array})


def test_not_a_number_is_no_document(store: ContentStore) -> None:
    """NaN has no canonical JSON."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.put_document({"x": float("nan")})


def test_writers_of_the_same_content_do_not_harm_each_other(store: ContentStore, tmp_path: Path) -> None:
    """Eight writers and readers at once end with one whole file and no draft."""
    big = {"x": np.arange(50_000)}
    digest = arrays_digest(big)

    def write_and_read(_: int) -> bool:
        return store.put_arrays(big) == digest and np.array_equal(store.get_arrays(digest)["x"], big["x"])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(24)))
    assert stored_file(tmp_path).name == f"{digest}.safetensors"


def test_putting_again_heals_a_damaged_file(store: ContentStore, tmp_path: Path) -> None:
    """Content made again replaces a file that was damaged."""
    digest = store.put_arrays(ARRAYS)
    stored_file(tmp_path).write_bytes(b"damaged")
    assert store.put_arrays(ARRAYS) == digest
    assert len(store.get_arrays(digest)) == len(ARRAYS)


def test_any_fsspec_location_will_do() -> None:
    """The same store works in memory, as it does in a bucket."""
    store = ContentStore("memory://test-store")
    assert json.dumps(store.get_document(store.put_document({"a": [1]}))) == '{"a": [1]}'
    assert np.array_equal(store.get_arrays(store.put_arrays({"a": np.arange(3)}))["a"], np.arange(3))


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_the_first_recording_stays(tmp_path: Path, where: str) -> None:
    """Whoever writes second is given the first answer, in a folder as in an object store."""
    store = ContentStore(str(tmp_path) if where == "folder" else f"memory://{tmp_path.name}-recordings")
    request, first, second = ("a" * 64, store.put_document({"answer": 1}), store.put_document({"answer": 2}))
    assert store.recorded(request) is None
    assert store.record(request, first) == first
    assert store.record(request, second) == first == store.recorded(request)
    assert store.recorded("b" * 64) is None


def test_racing_recorders_agree(store: ContentStore, tmp_path: Path) -> None:
    """Many writers at once all come away with one and the same answer, and leave no draft behind."""
    answers = [store.put_document({"answer": number}) for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        agreed = set(pool.map(lambda answer: store.record("c" * 64, answer), answers))
    assert len(agreed) == 1 and agreed <= set(answers)
    assert [path.name for path in (tmp_path / "store" / "recordings").rglob("*") if path.is_file()] == ["c" * 64]


def test_a_broken_recording_is_refused(store: ContentStore, tmp_path: Path) -> None:
    """What is no digest is not followed, and the remedy is named; nor is anything recorded under what is none."""
    answer = store.put_document({"answer": 1})
    store.record("d" * 64, answer)
    (tmp_path / "store" / "recordings" / "dd" / ("d" * 64)).write_bytes(b"\xff../../etc")
    for again in (lambda: store.recorded("d" * 64), lambda: store.record("d" * 64, answer)):
        with pytest.raises(CorruptContent, match="delete it"):
            again()
    for request, content in (("../x", answer), ("e" * 64, "../x")):
        with pytest.raises(ValueError, match="is not a digest"):
            store.record(request, content)
