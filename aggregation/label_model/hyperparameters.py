"""The constants of the label model."""

from __future__ import annotations

from dataclasses import dataclass

#: Above this many labels the prior hardly matters, and one is enough.
MANY_LABELS = 20_000

# The trust gate. Its constants come from simulated noise, not from real ensembles, whose tuning did
# not carry over to others: `tests/benchmarks/label_models/noise`.

#: The mean misfit of a correlation, beyond sampling, that halves the trust; set beside the
#: synthetic scenarios when the gate was first built.
TOLERANCE = 0.015
#: Evidence of two classes, in standard errors, at which trust begins and is full. Noise exceeds
#: 3.1, a trust of 0.25, in less than 1 % of the draws of each family of the simulation.
TWO_CLASSES = (2.5, 3.0)
#: Surplus of the squared correlations between families, in standard errors under independence, at
#: which trust begins and is full: with few verifiers it is skewed, and 3 is passed in 2 % of draws.
CORRELATED = (2.0, 4.0)
#: A verifier follows the factor from this correlation on, and from so many standard errors: copies
#: beside noise are followed by nobody else. With one right answer in 300, correlations are 0.05.
LEAST_FOLLOWED = 0.03
FOLLOWED_ERRORS = 3.0
#: Evidence that a verifier agrees with the other families, in standard errors, at which its weight
#: in the average begins and is full, and the share that is left to one without: simulated coin
#: flips, places and random ratings beside three judges; the ten real ensembles lose 0.0003.
AGREES = (1.0, 3.0)
LEAST_OF_OUTSIDERS = 0.1
#: No trust up to so many rows, full trust from twice as many on: below, the errors of third and
#: fourth moments are themselves uncertain.
LEAST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The constants, fixed before any data; chosen by cross-validation over ten real ensembles.

    Synthetic ensembles confirmed the choice.

    whisker: the range map reaches this share of the 2.5–97.5 % range beyond it, never past minimum
        and maximum, so that it clips only far outliers.
    spread: exponent of u's standard deviation within queries in a verifier's weight. A verifier
        that separates candidates uses its whole range; one with a few outliers and a narrow middle
        mostly does not.
    ridge: share of the identity mixed into the correlations before they are inverted for the fitted
        score.
    scales: prior standard deviations of the labelled head's weights; `extra_scales` join them from
        so many labels on.
    couplings: prior correlations of the weights within a family.
    query_scale: prior scale, relative to the weights', of the extra weight of a verifier's query
        mean.
    average: whether the priors are averaged by their evidence, or the best is taken.
    transfer_shares: where weights of other tasks are borrowed, the shares of the prior variance
        left for the task's own deviation.
    """

    whisker: float = 0.25
    spread: float = 1.0
    ridge: float = 0.1
    scales: tuple[float, ...] = (0.10, 0.18, 0.30)
    extra_scales: tuple[tuple[int, float], ...] = ((250, 0.55), (1000, 1.0), (1000, 2.0))
    couplings: tuple[float, ...] = (0.0, 0.4)
    query_scale: float = 1.0
    average: bool = True
    transfer_shares: tuple[float, ...] = (0.2, 1.0)

    def priors(self, labels: int, wide: bool) -> list[tuple[float, float]]:
        """Return the (scale, coupling) pairs for so many labels.

        `wide`: some family has more than one member.
        """
        if labels > MANY_LABELS:
            return [(1.0, 0.0)]
        scales = [*self.scales, *(scale for least, scale in self.extra_scales if labels >= least)]
        return [
            (scale, coupling)
            for coupling in (self.couplings if wide else self.couplings[:1])
            for scale in scales
        ]


DEFAULT_HYPERPARAMETERS = Hyperparameters()
#: The algorithm before it was improved, to reproduce its figures:
#: `tests/benchmarks/label_models` shows both.
ORIGINAL_HYPERPARAMETERS = Hyperparameters(
    whisker=0.0,
    spread=0.0,
    ridge=0.3,
    scales=(0.12, 0.25),
    extra_scales=((150, 0.5), (150, 1.0)),
    couplings=(0.0,),
    query_scale=0.0,
    average=False,
)
