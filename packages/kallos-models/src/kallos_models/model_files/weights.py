"""The weights of a saved forecaster, read only where they are the tensors that its card implies.

The file is one of safetensors::

    8 bytes      length of the header, little-endian
    header       JSON: name -> dtype, shape, data_offsets
    data         the tensors, without gaps, to the end of the file
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..accepted_values import shown
from ..errors import KallosError, ModelFileError
from .card import WEIGHTS, WeightsCard
from .ordinary_files import damaged, open_ordinary, read_json, size_of

_LENGTH_BYTES: Final = 8
_MOST_HEADER_BYTES: Final = 64 * 2**20
_METADATA: Final = "__metadata__"
_DTYPES: Final = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}


@dataclass(frozen=True, slots=True)
class TensorForm:
    """What a tensor is, its values left out.

    Attributes
    ----------
    dtype : torch.dtype
    shape : tuple of int
    """

    dtype: torch.dtype
    shape: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> "TensorForm":
        """Return the form of a tensor, which may be one without values."""
        return cls(tensor.dtype, tuple(tensor.shape))

    @property
    def n_bytes(self) -> int:
        """How many bytes its values take."""
        return self.dtype.itemsize * math.prod(self.shape)

    def __str__(self) -> str:
        return f"{_DTYPES.get(self.dtype, self.dtype)} {list(self.shape)}"


def weights_file(tensors: Mapping[str, Tensor]) -> tuple[bytes, WeightsCard]:
    """Return the content of the file of the weights, and what the card says of it."""
    apart = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    content = save(apart, metadata={"format": "pt"})
    return content, WeightsCard(WEIGHTS, hashlib.sha256(content).hexdigest(), len(content))


def first_difference(found: Mapping[str, TensorForm], implied: Mapping[str, TensorForm]) -> str | None:
    """Return in words where tensors are not what they should be; None where they are."""
    for words, names in (
        ("lacks the tensor", [name for name in implied if name not in found]),
        ("has one tensor too many,", [name for name in found if name not in implied]),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            return f"it {words} {shown(names[0])}{more}"
    for name, form in implied.items():
        if found[name] != form:
            return f"its tensor {name!r} is {found[name]} and not {form}"
    return None


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of a tensor with a value that is not finite, None where there is none."""
    return next((name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())), None)


def read_weights(folder: Path, card: WeightsCard, implied: Iterable[Mapping[str, TensorForm]]) -> dict[str, Tensor]:
    """Return the tensors of a folder's weights.

    What is implied is asked for member by member, and no further than to the first difference.

    Nothing larger than the header is read before the header is known to hold the implied tensors and the file to have
    the size that follows from them.

    Raises
    ------
    ModelFileError
        Where the file is not the one that the card names, or holds other tensors than those implied.
    OSError
        Where it cannot be read.
    """
    path = folder / card.file
    with open_ordinary(path) as file:
        if (size := size_of(file)) != card.bytes:
            raise damaged(path, f"it has {size} bytes and {card.bytes} were saved")
        try:
            _check_header(_read_header(file, size), size, implied)
        except KallosError:
            raise
        except ValueError as error:
            raise damaged(path, str(error)) from error
        file.seek(0)
        content = file.read(size)
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise damaged(path, "its content is not what was saved (its SHA-256 is not the card's)")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise damaged(path, f"safetensors cannot read it ({error})") from error
    if (name := not_finite(tensors)) is not None:
        raise ModelFileError(f"{path} has values in {name!r} that are not finite: train the forecaster anew")
    return tensors


@dataclass(frozen=True, slots=True)
class _Header:
    entries: Mapping[str, Any]
    n_bytes: int


def _read_header(file: BinaryIO, size: int) -> _Header:
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if not 0 < length <= min(size - _LENGTH_BYTES, _MOST_HEADER_BYTES):
        raise ValueError(f"its header would have {length} bytes, in a file of {size}")
    try:
        entries = read_json(file.read(length))
    except ValueError as error:
        raise ValueError(f"its header cannot be read ({error})") from error
    if not isinstance(entries, dict):
        raise ValueError("its header is no JSON object")  # noqa: TRY004 - one kind for all that is read
    named = cast("dict[str, Any]", entries)
    named.pop(_METADATA, None)
    return _Header(named, length)


def _check_header(header: _Header, size: int, implied: Iterable[Mapping[str, TensorForm]]) -> None:
    """Refuse a header with other tensors than those implied, or whose tensors do not fill the file without gaps."""
    found = {name: _entry(name, entry) for name, entry in header.entries.items()}
    forms = {name: form for name, (form, _) in found.items()}
    described: dict[str, TensorForm] = {}
    for of_member in implied:
        _refuse_difference({name: forms[name] for name in of_member if name in forms}, of_member)
        described |= of_member
    _refuse_difference(forms, described)
    at = 0
    for name, (form, (begin, end)) in sorted(found.items(), key=lambda item: item[1][1]):
        expected = at, at + form.n_bytes
        if (begin, end) != expected:
            raise ValueError(f"its tensor {name!r} lies in the bytes {[begin, end]} and not in {[*expected]}")
        at = end
    if (last := _LENGTH_BYTES + header.n_bytes + at) != size:
        raise ValueError(f"it has {size} bytes and its tensors end at {last}")


def _refuse_difference(found: Mapping[str, TensorForm], described: Mapping[str, TensorForm]) -> None:
    if difference := first_difference(found, described):
        raise ValueError(f"its tensors are not those that the card describes: {difference}")


def _entry(name: str, entry: Any) -> tuple[TensorForm, tuple[int, int]]:  # noqa: ANN401 - as it was read
    dtypes = {word: dtype for dtype, word in _DTYPES.items()}
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"its header does not say what the tensor {shown(name)} is") from error
    if not isinstance(dtype, str) or dtype not in dtypes:
        raise ValueError(f"its tensor {shown(name)} is of the type {shown(dtype)}, which no architecture has")
    if not isinstance(shape, list) or not _are_sizes(cast("list[object]", shape)) or not _are_sizes([begin, end]):
        raise ValueError(f"its header does not say how large the tensor {shown(name)} is")
    return TensorForm(dtypes[dtype], tuple(cast("list[int]", shape))), (begin, end)


def _are_sizes(values: Sequence[object]) -> bool:
    return all(type(value) is int and value >= 0 for value in values)
