"""Members that are trained while others are not yet: where they are kept, and for which training they serve."""

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from kallos_models import TrainingSettings

from ..versions import versions
from .card import ForecasterCard
from .plan import MemberPlan

logger = logging.getLogger(__name__)

_MARK_FILE: Final = "made_from"


def training_mark(
    card: ForecasterCard, model_name: str, members: Sequence[MemberPlan], training: TrainingSettings
) -> str:
    """Return a hash of all that decides a training: the same one gives the same forecaster."""
    decisive = {
        "card": card.to_dict() | {"made_from": None},
        "model_name": model_name,
        "members": [asdict(member) for member in members],
        "training": asdict(training),
        "versions": versions(),
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def begun_folder(folder: Path, mark: str) -> Path:
    """Return the folder of finished members beside the one to save in; what another training left there is removed."""
    begun = folder.with_name(f".{folder.name}.training")
    mark_file = begun / _MARK_FILE
    if begun.exists() and not (mark_file.is_file() and mark_file.read_text(encoding="ascii") == mark):
        logger.info("what an earlier training of something else has left in %s is removed", begun)
        shutil.rmtree(begun)
    begun.mkdir(parents=True, exist_ok=True)
    mark_file.write_text(mark, encoding="ascii")
    return begun
