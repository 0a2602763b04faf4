"""Feature groups from TOML, and what is said where they are wrong."""

import pytest

from kallos_cli.feature_groups import read_feature_groups
from kallos_cli.user_error import UserError


def test_groups_are_read_as_they_stand(tmp_path):
    path = tmp_path / "groups.toml"
    path.write_text('# mine\nvolume_features = ["volume"]\nroc_features = [\n  "roc_1",\n  "roc_3",\n]\n')
    assert read_feature_groups(path, "log_return") == {
        "volume_features": ["volume"],
        "roc_features": ["roc_1", "roc_3"],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nvolume_features = [1 2]", ["line 2: no valid TOML: what begins here has no end", "write lines like"]),
        ('\nvolume_features = "volume"', ["line 2", "volume_features must be a list", "'volume'"]),
        ("roc_features = [1]", ["line 1", "roc_features must be a list of column names, not [1]"]),
        ('# one\nvolumes = ["volume"]', ["line 2: has no group 'volumes': the groups are volume_features"]),
        ("# a\x85b\u2028c\r\nvolumes = []", ["line 2: has no group"]),
        ('[volume_features]\na = ["b"]', ["line 1", "volume_features must be a list"]),
        (
            'volume_features = ["a"]\nbounded_features = []\nroc_features = ["a"]',
            ["line 3: has column 'a' in volume_features and in roc_features: name it once"],
        ),
        ('volume_features = ["log_return"]', ["log_return", "target"]),
    ],
)
def test_mistakes_name_file_line_and_group(tmp_path, text, said):
    path = tmp_path / "groups.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_feature_groups(path, "log_return")
    assert str(caught.value).startswith(str(path))
    for words in said:
        assert words in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*none\.toml: No such file"):
        read_feature_groups(tmp_path / "none.toml", "x")
    with pytest.raises(UserError, match="Is a directory"):
        read_feature_groups(tmp_path, "x")
    (tmp_path / "binary").write_bytes(b"a = '\xff'")
    with pytest.raises(UserError, match="is not UTF-8 text: byte 5 cannot be decoded"):
        read_feature_groups(tmp_path / "binary", "x")
