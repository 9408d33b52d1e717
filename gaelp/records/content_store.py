"""The content store: arrays and documents named by the SHA-256 of their content.

A digest covers names, types, shapes and bytes, not the container, and is checked on every read: what comes back is
what was put, or an error. Nothing is pickled. Content is never changed, so writers of the same content cannot harm
each other.

Beside the content lies `recordings`: which content answered a request that cannot be repeated (an agent's or a
model's answer over HTTP). The first answer written stays, so that a repeated run is given what the first was given.

Touch this to keep content elsewhere, or to keep another type of array.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

import fsspec
import numpy as np
from pydantic import BaseModel
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gaelp.arrays import Array
from gaelp.errors import GaelpError

Arrays = Mapping[str, Array]
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_KINDS = "biufU"  # bool, integers, floats, unicode text


class MissingContent(GaelpError, LookupError):
    """There is no content of that digest in the store."""

    permanent = True


class CorruptContent(GaelpError, ValueError):
    """Stored content does not match its digest."""

    permanent = True


class NotADigest(GaelpError, ValueError):
    """What should name content is no digest, so that no content can have it."""

    permanent = True


class UnusableStore(GaelpError, ValueError):
    """The store's address names no place that can be written to."""


class ContentStore:
    """Content under an fsspec URL (a folder, gs://bucket/prefix, memory://name)."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise UnusableStore(
                f"the content store {url} cannot be used ({error}): set GAELP_STORE_URL to a folder, or to an address "
                "whose fsspec package is installed"
            ) from error

    def put_arrays(self, arrays: Arrays) -> str:
        """Store named arrays of bool, integer, float or unicode type; return their digest.

        Raises ValueError for any other type: object arrays would need pickle.
        """
        plain = {name: _plain(name, array) for name, array in arrays.items()}
        digest = arrays_digest(plain)
        self._write(self._path(digest, "safetensors"), _packed(plain))
        return digest

    def get_arrays(self, digest: str) -> dict[str, Array]:
        """The arrays of that digest; MissingContent or CorruptContent."""
        data = self._read(digest, "safetensors")
        try:
            arrays = _unpacked(data)
        except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, MemoryError) as error:
            raise self._corrupt(digest, "safetensors") from error
        if arrays_digest(arrays) != digest:
            raise self._corrupt(digest, "safetensors")
        return arrays

    def put_document(self, document: BaseModel | Mapping[str, Any]) -> str:
        """Store a model or mapping as canonical JSON; return its digest. NaN and infinity are refused."""
        data = canonical_json(document)
        digest = hashlib.sha256(data).hexdigest()
        self._write(self._path(digest, "json"), data)
        return digest

    def get_document(self, digest: str) -> dict[str, Any]:
        """The document of that digest; MissingContent or CorruptContent."""
        data = self._read(digest, "json")
        if hashlib.sha256(data).hexdigest() != digest:
            raise self._corrupt(digest, "json")
        document: dict[str, Any] = json.loads(data)
        return document

    def record(self, request: str, content: str) -> str:
        """Remember that the request of digest `request` was answered by stored content; the first answer stays.

        Returns the digest of the answer that counts, which may be an earlier one. Raises CorruptContent.
        """
        path, data = self._recording(request), _digest(content).encode()
        draft = f"{path}.{secrets.token_hex(6)}.draft"
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        try:
            if hasattr(self._files, "link"):  # a folder: a link appears whole or not at all, and never replaces
                self._files.pipe_file(draft, data)
                self._files.link(draft, path)
            else:
                self._files.pipe_file(path, data, mode="create")
        except FileExistsError:
            pass
        finally:
            if self._files.exists(draft):
                self._files.rm_file(draft)
        return self.recorded(request) or content

    def recorded(self, request: str) -> str | None:
        """The digest of the content that answered this request, or None. Raises CorruptContent."""
        path = self._recording(request)
        try:
            content = str(self._files.cat_file(path).decode("ascii", "replace"))
        except FileNotFoundError:
            return None
        if not _DIGEST.match(content):
            raise CorruptContent(f"the recording at {path} is no digest: delete it, and the request is made again")
        return content

    def _recording(self, request: str) -> str:
        return f"{self._root}/recordings/{_digest(request)[:2]}/{request}"

    def _path(self, digest: str, suffix: str) -> str:
        return f"{self._root}/{_digest(digest)[:2]}/{digest}.{suffix}"

    def _write(self, path: str, data: bytes) -> None:
        draft = f"{path}.{secrets.token_hex(6)}.draft"
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(draft, data)
        self._files.mv(draft, path)

    def _read(self, digest: str, suffix: str) -> bytes:
        path = self._path(digest, suffix)
        try:
            data: bytes = self._files.cat_file(path)
        except FileNotFoundError as error:
            raise MissingContent(
                f"content {digest} is not in the store at {path}: the store was moved or cleaned; "
                "restore it, or run the step that made it again"
            ) from error
        return data

    def _corrupt(self, digest: str, suffix: str) -> CorruptContent:
        return CorruptContent(
            f"content {digest} at {self._path(digest, suffix)} does not match its digest: it was changed after it "
            "was written; restore the file from a backup, or delete it and run the step that made it again"
        )


def _digest(text: str) -> str:
    if not _DIGEST.match(text):
        raise NotADigest(f"{text[:80]!r} is not a digest: 64 characters 0-9 and a-f")
    return text


def canonical_json(document: BaseModel | Mapping[str, Any]) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces: one text per meaning."""
    value = document.model_dump(mode="json") if isinstance(document, BaseModel) else dict(document)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def arrays_digest(arrays: Arrays) -> str:
    """SHA-256 over names (sorted), dtypes, shapes and bytes (little-endian, C order)."""
    digest = hashlib.sha256(b"gaelp arrays 1\n")
    for name in sorted(arrays):
        array = _plain(name, arrays[name])
        digest.update(json.dumps([name, array.dtype.str, list(array.shape)]).encode() + b"\n")
        digest.update(array.tobytes())
    return digest.hexdigest()


def _plain(name: str, array: Array) -> Array:
    value = np.asarray(array)
    if value.dtype.kind not in _KINDS or (value.dtype.itemsize > 8 and value.dtype.kind != "U"):
        raise ValueError(f"array {name!r} has type {value.dtype}: the store takes bool, integers, floats and text")
    return value.astype(value.dtype.newbyteorder("<"), order="C", copy=False)


def _packed(arrays: Arrays) -> bytes:
    """Safetensors; text travels as its code points with the character count in the header."""
    texts = {name: array.dtype.str[2:] for name, array in arrays.items() if array.dtype.kind == "U"}
    tensors = {name: _code_points(array) if name in texts else array for name, array in arrays.items()}
    packed: bytes = save(tensors, metadata={"text": canonical_json(texts).decode()})
    return packed


def _code_points(array: Array) -> Array:
    return array.reshape((*array.shape, 1)).view(np.uint32)


def _unpacked(data: bytes) -> dict[str, Array]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    texts = json.loads(header["__metadata__"]["text"])
    tensors: dict[str, Array] = load(data)
    return {
        name: tensor.view(f"<U{texts[name]}").reshape(tensor.shape[:-1]) if name in texts else tensor
        for name, tensor in tensors.items()
    }
