"""Feature scalers: fitted on a training window, kept as plain numbers.

Each group of features has one monotone transform and one affine scaling::

    group                  transform          scaling
    volume_features        log(1 + x)         standardise
    bounded_features       none               min-max to [0, 1]
    unbounded_features     none               robust: median, 5th to 95th percentile
    roc_features           sign(x)·log(1+|x|) standardise
    log_return_features    none               standardise

Every scaling is ``(transform(x) - centre) / scale``, stored as these two numbers a column, so that a saved forecaster
needs no pickle. Multiplying a column by a number that its transform passes on changes no scaled value, however small or
large the number; a column that is constant in the window is scaled by 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypedDict

import narwhals as nw
import numpy as np
from narwhals.typing import IntoDataFrame
from numpy.typing import NDArray
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from ..errors import ConfigError, DataQualityError, MissingColumnsError
from .feature_groups import FeatureGroups, check_feature_groups
from .target_transform import Floats


class ScalerState(TypedDict):
    """What a :class:`FeatureScaler` is, in JSON's own types."""

    columns: list[str]
    groups: list[str]
    centre: list[float]
    scale: list[float]


def _identity(values: Floats) -> Floats:
    return values


def _signed_log1p(values: Floats) -> Floats:
    return np.sign(values) * np.log1p(np.abs(values))


def standard(values: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of columns, [T, F]."""
    scaler = StandardScaler().fit(values)
    return np.asarray(scaler.mean_), np.sqrt(np.asarray(scaler.var_))


def _min_max(values: Floats) -> tuple[Floats, Floats]:
    scaler = MinMaxScaler().fit(values)
    return np.asarray(scaler.data_min_), np.asarray(scaler.data_range_)


def _robust(values: Floats) -> tuple[Floats, Floats]:
    low, high = np.percentile(values, (5.0, 95.0), axis=0)
    return np.median(values, axis=0), high - low


def fitted(fit: Callable[[Floats], tuple[Floats, Floats]], values: Floats) -> tuple[Floats, Floats]:
    """Return centre and scale of columns of any size; the scale is 1 where a column is constant, and only there.

    Columns are brought to the size of 1 first, by a power of 2 that changes no digit: scikit-learn takes small
    deviations for none, and those of many a coin's price are small.
    """
    if not len(values):
        return fit(values)
    _, exponents = np.frexp(np.abs(values).max(axis=0))
    of_size_one = np.ldexp(values, -exponents)
    centre, scale = fit(of_size_one)
    constant = values.min(axis=0) == values.max(axis=0)
    # Where most values are alike the middle of them has no width, and the whole of them is the only scale there is.
    narrow = (scale == 0) & ~constant
    scale[narrow] = (of_size_one - centre).std(axis=0)[narrow]
    centre, scale = np.ldexp(centre, exponents), np.ldexp(scale, exponents)
    scale[constant] = 1.0
    return centre, scale


@dataclass(frozen=True, slots=True)
class _Group:
    transform: Callable[[Floats], Floats]
    fit: Callable[[Floats], tuple[Floats, Floats]]


_GROUPS = {
    "volume_features": _Group(np.log1p, standard),
    "bounded_features": _Group(_identity, _min_max),
    "unbounded_features": _Group(_identity, _robust),
    "roc_features": _Group(_signed_log1p, standard),
    "log_return_features": _Group(_identity, standard),
}


@dataclass(frozen=True, slots=True)
class FeatureScaler:
    """Per-column scaling, fitted once and applied to any later frame.

    Attributes
    ----------
    columns : tuple of str, [F]
        Columns in the order of the scaled array.
    groups : tuple of str, [F]
        Group of each column.
    centre, scale : numpy.ndarray, [F]
        Subtracted from, and divided into, the transformed column.
    """

    columns: tuple[str, ...]
    groups: tuple[str, ...]
    centre: Floats
    scale: Floats

    @classmethod
    def fit(cls, train: IntoDataFrame, feature_groups: FeatureGroups, *, target_col: str | None = None) -> Self:
        """Estimate the scaling of every grouped column on a training window.

        Parameters
        ----------
        train : polars.DataFrame or pandas.DataFrame, [T, ...]
            The training window; nothing outside it is looked at.
        feature_groups : mapping of str to sequence of str
            Columns of each group; see the module's table. Groups may be missing or empty.
        target_col : str, optional
            The column to be forecast, refused in any group.

        Raises
        ------
        ConfigError
            As in :func:`kallos_data.check_feature_groups`.
        MissingColumnsError
            Where ``train`` lacks a column.
        DataQualityError
            Where a value is missing or infinite, or a volume is negative.
        """
        check_feature_groups(feature_groups, target_col=target_col)
        columns = [column for members in feature_groups.values() for column in members]
        groups = [group for group, members in feature_groups.items() for _ in members]
        values = columns_as_array(train, columns, parameter="feature_groups")
        transformed = _transform(values, columns, groups)
        centre, scale = np.zeros(len(columns)), np.ones(len(columns))
        for group in dict.fromkeys(groups):
            of_group = [index for index, each in enumerate(groups) if each == group]
            centre[of_group], scale[of_group] = fitted(_GROUPS[group].fit, transformed[:, of_group])
        return cls(tuple(columns), tuple(groups), centre, scale)

    def transform(self, frame: IntoDataFrame) -> NDArray[np.float32]:
        """Scale the fitted columns of a frame.

        Parameters
        ----------
        frame : polars.DataFrame or pandas.DataFrame, [T, ...]
            Rows of the training window or later ones.

        Returns
        -------
        numpy.ndarray, float32, [T, F]
            Columns as in :attr:`columns`.

        Raises
        ------
        MissingColumnsError, DataQualityError
            As in :meth:`fit`.
        """
        transformed = _transform(columns_as_array(frame, self.columns), self.columns, self.groups)
        return ((transformed - self.centre) / self.scale).astype(np.float32)

    def to_dict(self) -> ScalerState:
        """Return the scaler in JSON's own types; :meth:`from_dict` takes it back exactly."""
        return ScalerState(
            columns=list(self.columns),
            groups=list(self.groups),
            centre=self.centre.tolist(),
            scale=self.scale.tolist(),
        )

    @classmethod
    def from_dict(cls, state: ScalerState) -> Self:
        """Return the scaler that :meth:`to_dict` described.

        Raises
        ------
        ConfigError
            Where the state cannot be that of a scaler: one value a column, groups that there are, finite numbers, no
            scale of 0 or less.
        """
        columns, groups = tuple(state["columns"]), tuple(state["groups"])
        centre, scale = np.asarray(state["centre"], dtype=np.float64), np.asarray(state["scale"], dtype=np.float64)
        if not len(columns) == len(groups) == len(centre) == len(scale):
            raise ConfigError("must have one group, centre and scale a column", "feature_scaler")
        if unknown := sorted(set(groups) - set(_GROUPS)):
            raise ConfigError(f"has unknown groups: {', '.join(unknown)}", "feature_scaler")
        if not (np.isfinite(centre).all() and np.isfinite(scale).all() and (scale > 0).all()):
            raise ConfigError("must have finite centres, and finite scales above 0", "feature_scaler")
        return cls(columns, groups, centre, scale)


def columns_as_array(frame: IntoDataFrame, columns: Sequence[str], *, parameter: str | None = None) -> Floats:
    """Return columns of a frame as finite float64, [T, F].

    Raises
    ------
    MissingColumnsError, DataQualityError
        Where one is not there, or holds a missing or infinite value.
    """
    rows = nw.from_native(frame, eager_only=True)
    missing = [column for column in columns if column not in rows.columns]
    if missing:
        available = [column for column in rows.columns if column != "timestamp"]
        raise MissingColumnsError(missing, available, parameter=parameter)
    if not columns:
        return np.empty((len(rows), 0))
    values = np.column_stack([rows[column].cast(nw.Float64).to_numpy() for column in columns])
    finite = np.isfinite(values)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise DataQualityError(
            f"column {columns[column]!r} is {values[row, column]} in row {row}: fill or drop such rows before scaling"
        )
    return values


def _transform(values: Floats, columns: Sequence[str], groups: Sequence[str]) -> Floats:
    transformed = np.empty_like(values)
    for index, (column, group) in enumerate(zip(columns, groups, strict=True)):
        if group == "volume_features" and len(values) and values[:, index].min() < 0:
            raise DataQualityError(
                f"column {column!r} of volume_features holds {values[:, index].min()}, and a volume is never negative: "
                "put the column in unbounded_features"
            )
        transformed[:, index] = _GROUPS[group].transform(values[:, index])
    return transformed
