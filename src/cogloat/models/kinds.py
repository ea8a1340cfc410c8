"""Which classifier a stage's settings ask for. Imports no torch."""

from __future__ import annotations

from typing import Literal

from cogloat.config.schema import Balanced, Classifying, CosineHead, Ldam, Supervised

ClassifierKind = Literal["linear", "cosine"]


def classifier_kind(settings: Supervised) -> ClassifierKind:
    """Return the kind of head: cosine for LDAM and, if its settings say so, BCL; else linear."""
    match settings:
        case Classifying(loss=Ldam()) | Balanced(head=CosineHead()):
            return "cosine"
    return "linear"
