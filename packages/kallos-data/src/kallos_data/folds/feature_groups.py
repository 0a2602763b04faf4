"""Feature groups: which columns are transformed and scaled alike."""

from collections.abc import Mapping, Sequence

from ..errors import FeatureGroupError

FeatureGroups = Mapping[str, Sequence[str]]

GROUP_NAMES = (
    "volume_features",
    "bounded_features",
    "unbounded_features",
    "roc_features",
    "log_return_features",
)


def check_feature_groups(feature_groups: FeatureGroups, *, target_col: str | None = None) -> None:
    """Refuse groups that cannot be used.

    Parameters
    ----------
    feature_groups : mapping of str to sequence of str
        Columns of each group; see :class:`kallos_data.FeatureScaler`. Groups may be missing or empty.
    target_col : str, optional
        The column to be forecast.

    Raises
    ------
    FeatureGroupError
        Where a group is unknown or no list of names, a column stands in two groups or twice, or the target is in a
        group.
    """
    unknown = [group for group in feature_groups if group not in GROUP_NAMES]
    if unknown:
        raise FeatureGroupError(f"has no group {unknown[0]!r}: the groups are {', '.join(GROUP_NAMES)}", unknown[0])
    group_of: dict[str, str] = {}
    for group, columns in feature_groups.items():
        if isinstance(columns, str):
            raise FeatureGroupError(f"must have a list of names as {group}, not the text {columns!r}", group)
        for column in columns:
            if column == target_col:
                raise FeatureGroupError(
                    f"has the target {column!r} in {group}: leave it out, its own past is an input already", group
                )
            if column in group_of:
                where = f"twice in {group}" if group_of[column] == group else f"in {group_of[column]} and in {group}"
                raise FeatureGroupError(f"has column {column!r} {where}: name it once", group)
            group_of[column] = group
