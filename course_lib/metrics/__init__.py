"""Metrics: how good, and how sure. Everything public can be had from here, such as `metrics.roc_auc`.

==================  ====================================================================================================
file                what it holds
==================  ====================================================================================================
`classification`    accuracy, confusion matrix of K classes
`rates`             `Counts`: the 2×2 table and every rate that is made from it
`averages`          macro and weighted means of rates over classes
`curves`            ROC and precision-recall curves, areas, operating points
`multilabel`        the same for many labels at once
`intervals`         Wilson's interval for a share
`delong`            the error of an area, and of the difference of two
`bootstrap`         intervals by drawing patients again
`readers`           a model beside a panel of readers
`calibration`       whether 70 % means 70 %: reliability, its error, Brier's score and its terms
`recalibration`     one temperature; another prior
`agreement`         kappa, rank correlation, Bland-Altman, intra-class correlation
`regression`        errors, R², Pearson's correlation
`survival`          concordance, Kaplan-Meier, Cox's partial likelihood
`segmentation`      overlap: Dice, Jaccard, VOE, RVD, of a case or of all
`spacing`           millimetres and millilitres
`surfaces`          distances between surfaces, measured once
`lesions`           lesions matched, counted, found; instances of cells
`detection`         FROC and its intervals, average precision of detections
`challenge`         the points of a contest, the columns of LiTS
`ranking`           ranks, and how stable they are
`door`              what every metric asks of its numbers
==================  ====================================================================================================
"""

from course_lib.metrics.agreement import (
    BlandAltman,
    IntraclassCorrelation,
    bland_altman,
    cohen_kappa_score,
    intraclass_correlation,
    linear_kappa_score,
    quadratic_kappa_score,
    spearman_correlation,
)
from course_lib.metrics.averages import macro_average, weighted_average
from course_lib.metrics.bootstrap import (
    BootstrapDifference,
    BootstrapEstimate,
    bootstrap_auc,
    bootstrap_auc_difference,
    bootstrap_mean,
)
from course_lib.metrics.calibration import (
    BrierDecomposition,
    ReliabilityCurve,
    TopLabel,
    brier_decomposition,
    brier_score,
    reliability_curve,
    top_label,
)
from course_lib.metrics.challenge import (
    LITS_HIGHER_IS_BETTER,
    SLIVER07_HUMAN,
    LitsScores,
    lits_scores,
    miccai_points,
    miccai_score,
)
from course_lib.metrics.classification import accuracy_score, confusion_matrix
from course_lib.metrics.curves import (
    OperatingPoint,
    PrecisionRecallCurve,
    RocCurve,
    average_precision,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)
from course_lib.metrics.delong import AucDifference, AucEstimate, compare_auc, delong_auc
from course_lib.metrics.detection import (
    CAMELYON16_RATES,
    LUNA16_RATES,
    Detections,
    FrocCurve,
    FrocIntervals,
    froc_curve,
    froc_intervals,
)
from course_lib.metrics.intervals import Interval, wilson_interval
from course_lib.metrics.lesions import (
    DSB2018_IOUS,
    LesionCounts,
    LesionMatches,
    instance_average_precision,
    label_lesions,
    match_lesions,
)
from course_lib.metrics.multilabel import LabelScores, average_precision_per_label, one_vs_rest, roc_auc_per_label
from course_lib.metrics.ranking import ChallengeTable, RankStability, challenge_table, rank_stability
from course_lib.metrics.rates import Counts
from course_lib.metrics.readers import ReaderComparison, compare_with_readers
from course_lib.metrics.recalibration import TemperatureScaling, shift_prior
from course_lib.metrics.regression import mean_absolute_error, pearson_correlation, r2_score, root_mean_squared_error
from course_lib.metrics.segmentation import (
    Overlap,
    dice_global,
    dice_per_case,
    dice_score,
    jaccard_score,
    overlap,
    overlap_per_class,
)
from course_lib.metrics.spacing import image_diagonal_mm, volume_ml
from course_lib.metrics.surfaces import SurfaceDistances, surface_distances, surface_distances_per_class
from course_lib.metrics.survival import (
    ConcordanceCounts,
    SurvivalCurve,
    breslow_log_likelihood,
    concordance_counts,
    concordance_index,
    efron_log_likelihood,
    kaplan_meier,
)

__all__ = [
    "CAMELYON16_RATES",
    "DSB2018_IOUS",
    "LITS_HIGHER_IS_BETTER",
    "LUNA16_RATES",
    "SLIVER07_HUMAN",
    "AucDifference",
    "AucEstimate",
    "BlandAltman",
    "BootstrapDifference",
    "BootstrapEstimate",
    "BrierDecomposition",
    "ChallengeTable",
    "ConcordanceCounts",
    "Counts",
    "Detections",
    "FrocCurve",
    "FrocIntervals",
    "Interval",
    "IntraclassCorrelation",
    "LabelScores",
    "LesionCounts",
    "LesionMatches",
    "LitsScores",
    "OperatingPoint",
    "Overlap",
    "PrecisionRecallCurve",
    "RankStability",
    "ReaderComparison",
    "ReliabilityCurve",
    "RocCurve",
    "SurfaceDistances",
    "SurvivalCurve",
    "TemperatureScaling",
    "TopLabel",
    "accuracy_score",
    "average_precision",
    "average_precision_per_label",
    "bland_altman",
    "bootstrap_auc",
    "bootstrap_auc_difference",
    "bootstrap_mean",
    "breslow_log_likelihood",
    "brier_decomposition",
    "brier_score",
    "challenge_table",
    "cohen_kappa_score",
    "compare_auc",
    "compare_with_readers",
    "concordance_counts",
    "concordance_index",
    "confusion_matrix",
    "delong_auc",
    "dice_global",
    "dice_per_case",
    "dice_score",
    "efron_log_likelihood",
    "froc_curve",
    "froc_intervals",
    "image_diagonal_mm",
    "instance_average_precision",
    "intraclass_correlation",
    "jaccard_score",
    "kaplan_meier",
    "label_lesions",
    "linear_kappa_score",
    "lits_scores",
    "macro_average",
    "match_lesions",
    "mean_absolute_error",
    "miccai_points",
    "miccai_score",
    "one_vs_rest",
    "overlap",
    "overlap_per_class",
    "pearson_correlation",
    "precision_recall_curve",
    "quadratic_kappa_score",
    "r2_score",
    "rank_stability",
    "reliability_curve",
    "roc_auc",
    "roc_auc_per_label",
    "roc_curve",
    "root_mean_squared_error",
    "shift_prior",
    "spearman_correlation",
    "surface_distances",
    "surface_distances_per_class",
    "top_label",
    "volume_ml",
    "weighted_average",
    "wilson_interval",
]
