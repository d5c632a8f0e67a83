"""What the training data allow of each input: the rules that a row may break.

They follow from the profile of the training data, and are what `constraints.json` says. A team may loosen or
tighten them in that file; `monitor_baseline` reads them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from selfheal.observe.profiles.layout import Feature, Numeric, Role
from selfheal.observe.profiles.profile import Profile


class InferredType(str, Enum):
    """Model Monitor's types of a column."""

    INTEGRAL = "Integral"
    FRACTIONAL = "Fractional"
    STRING = "String"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """What one input may look like.

    Attributes:
        inferred_type: of its values.
        completeness: share of rows with a value, from 0 to 1.
        non_negative: whether all values are at least zero; None for text.
        domain: the values that it takes; None for numbers, and for text of too many values to list.
    """

    inferred_type: InferredType
    completeness: float
    non_negative: bool | None = None
    domain: tuple[str, ...] | None = None


Constraints = Mapping[str, Constraint]


def constraints_of(reference: Profile) -> dict[str, Constraint]:
    """The constraints of each input, by name, from the profile of the training data.

    >>> import numpy as np
    >>> from selfheal.observe.profiles.layout import Categorical, Layout, Numeric
    >>> from selfheal.observe.profiles.profile import Rows, profile
    >>> x, c = np.array([1.0, 2.0, np.nan, 4.0]), ["a", "b", "a", "a"]
    >>> layout = Layout(features=(Numeric.of("x", x), Categorical.of("c", {"a": 3, "b": 1})))
    >>> found = constraints_of(profile(layout, Rows(keys=("1", "2", "3", "4"), columns={"x": x, "c": c})))
    >>> found["x"].inferred_type.value, found["x"].completeness, found["x"].non_negative
    ('Integral', 0.75, True)
    >>> found["c"].domain
    ('a', 'b')
    """
    return {
        feature.name: _constraint(reference, place, feature)
        for place, feature in enumerate(reference.layout.features)
        if feature.role is Role.INPUT
    }


def inferred_type(profile: Profile, place: int) -> InferredType:
    """The type of the values of the feature at a place.

    Numbers are integral if the smallest, the largest, their sum and their sum of squares all are: fractions
    that happen to add up to a whole number do not do so squared as well, short of a made-up case. Text that
    spells numbers is text; a numeric column without a value is fractional.
    """
    feature = profile.layout.features[place]
    if not isinstance(feature, Numeric):
        return InferredType.STRING
    if not profile.present(place):
        return InferredType.FRACTIONAL
    ends = (float(profile.low[place]), float(profile.high[place]))
    unit = Fraction(feature.unit)
    sums = (profile.sums[place] * unit, profile.squares[place] * unit * unit)
    whole = all(end.is_integer() for end in ends) and all(each.denominator == 1 for each in sums)
    return InferredType.INTEGRAL if whole else InferredType.FRACTIONAL


def _constraint(reference: Profile, place: int, feature: Feature) -> Constraint:
    present = reference.present(place)
    kind = inferred_type(reference, place)
    completeness = present / reference.rows if reference.rows else 0.0
    if isinstance(feature, Numeric):
        # Of no values nothing can be said; that they are all positive least of all.
        positive = present > 0 and int(reference.negative[place]) == 0
        return Constraint(inferred_type=kind, completeness=completeness, non_negative=positive)
    domain = None if feature.is_open else feature.categories
    return Constraint(inferred_type=kind, completeness=completeness, domain=domain)
