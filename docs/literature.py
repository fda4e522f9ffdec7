"""The figures of papers that the zoo is compared with, and where ours stand.

No obtained figure stands here: each is read from the card of a preset or from a table in
`results/`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fidelity import Figure, Obtained

FIXED = "MNIST, fixed binarization; negative log-likelihood in nats, {} samples, 10,000 test images"
ANEW = "MNIST, binarized anew; negative log-likelihood in nats, 5,000 samples"
LABELS = "MNIST; error in % on the 10,000 test images"
CLUSTERS = (
    "MNIST, no labels in training; a cluster has the label of its surest test image; error in %"
)
USPS = "USPS, 6,291 / 1,000 / 2,007; error in %"
PARZEN = "MNIST, gray; Parzen windows around 10,000 generated images; log-density in nats"
PRETRAINED = "MNIST, 784-1000 pre-trained, then fine-tuned; error in %"
STACKS = "MNIST, 784-1000-1000-1000 pre-trained layer by layer, then fine-tuned; error in %"
VARIANTS = (
    "variant of MNIST, drawn anew with other photographs than published; 10,000 images to train, "
    "50,000 to test; error in %"
)

ROOT = Path(__file__).parents[1]


def cell(table: str, column: str, row: Any) -> Any:
    """Return a figure of ours that explains another one."""
    return Obtained(table, column, row).read(ROOT)


def of_bound(row: str) -> float:
    """Return the negative log-likelihood of a model that explains that of another one."""
    return cell("bounds_and_priors", "obtained", row)


def of_noise(table: str, row: str, images: str = "test") -> float:
    """Return the error of Boltzmann machines on digits on noise, on test or validation images."""
    return cell(table, f"{images} error in %", row)


def of_svm(variant: str) -> str:
    """Return the errors of a support vector machine on a variant, in words: how hard it is here."""
    path = ROOT / "results" / "mnist_variants.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    here, reported = next(row[1] for row in rows if row[0] == variant).rstrip(")").split(" (")
    return f"support vector machine: {reported}; here {here}"


def of_variant(table: str, variant: str, method: str) -> Obtained:
    """Return where the error of a method on a variant stands in one of three tables."""
    if table == "mnist_variants_widths":
        return Obtained(table, "test error in %", "2,000 units")
    return Obtained(table, method if table == "mnist_variants" else "obtained", variant)


PHOTOGRAPHS = "CIFAR-10 in gray, 1024-1000 pre-trained, then fine-tuned; error in %"
FIGURES: tuple[Figure, ...] = (
    Figure(
        "VAE, 784-400-400-40",
        FIXED.format(200),
        "89.9 (maxout layers, a larger network than 784-400-40)",
        89.9,
        "Rezende and Mohamed 2015",
        Obtained("vae_mnist_binarized", "negative log-likelihood, 200 samples"),
        "1",
    ),
    Figure(
        "IWAE, k = 50, 784-200-200-50",
        FIXED.format("5,000"),
        "87.1",
        87.1,
        "Burda et al. 2015",
        Obtained("iwae_mnist_binarized", "negative log-likelihood, 5000 samples"),
        "1",
        "Within the standard error over images, 0.2; 600 epochs with k = 5 and 25 with k = 50, "
        "where the paper has 3,280 with k = 50",
        "likelihoods",
    ),
    Figure(
        "VAE, k = 1, 784-200-200-50",
        ANEW,
        "86.76",
        86.76,
        "Burda et al. 2015",
        Obtained("bounds_and_priors", "obtained", "VAE, k = 1, 3,280 epochs"),
        "1",
    ),
    Figure(
        "IWAE, k = 5, 784-200-200-50, doubly reparameterized here",
        ANEW,
        "85.54",
        85.54,
        "Burda et al. 2015",
        Obtained("bounds_and_priors", "obtained", "IWAE, k = 5, rate of 0.003, 59,600 images"),
        "1",
        "Within the standard error over images, 0.2; 1,200 epochs on 59,600 images, where the "
        "paper has 3,280 on as many",
        "bounds_and_priors",
    ),
    Figure(
        "IWAE, k = 50, 784-200-200-50, doubly reparameterized here",
        ANEW,
        "84.78",
        84.78,
        "Burda et al. 2015",
        Obtained("bounds_and_priors", "obtained", "IWAE, k = 50, after k = 5, 59,600 images"),
        "1",
        "Open: 50 epochs with k = 50 follow 1,200 with k = 5, where the paper has 3,280 with "
        "k = 50; on 50,000 images 100 after 3,280 with k = 1 and 200 with k = 5 have "
        f"{of_bound('IWAE, k = 50, after k = 5')}",
        "bounds_and_priors",
    ),
    Figure(
        "VAE, 784-300-300-40",
        ANEW,
        "84.45",
        84.45,
        "Tomczak and Welling 2018",
        Obtained("bounds_and_priors", "obtained", "VAE, normal prior, gates"),
        "1",
        "Within the standard error over images, 0.2",
        "bounds_and_priors",
    ),
    Figure(
        "VAE, 784-300-300-40, VampPrior of 500",
        ANEW,
        "82.43",
        82.43,
        "Tomczak and Welling 2018",
        Obtained("bounds_and_priors", "obtained", "VAE, VampPrior, gates, batches of 250"),
        "1",
        "Within the standard error over images, 0.2",
        "bounds_and_priors",
    ),
    *(
        Figure(
            f"{name}, 100 labels",
            LABELS,
            reported,
            goal,
            source,
            Obtained("semi_supervised", "mean error in %", name),
            "3 choices of labels",
            why,
            "semi_supervised" if why else "",
        )
        for name, reported, goal, source, why in (
            ("M1, spreading", "11.82 (with a TSVM)", 11.82, "Kingma et al. 2014", ""),
            ("M2", "11.97 ± 1.71", 13.68, "Kingma et al. 2014", ""),
            ("M1+M2", "3.33 ± 0.14", 3.47, "Kingma et al. 2014", "Reruns by others: 4.6 to 4.9"),
        )
    ),
    *(
        Figure(
            f"Adversarial autoencoder, labels: {labels}",
            LABELS,
            reported,
            goal,
            "Makhzani et al. 2015",
            Obtained("adversarial_labels", "mean error in %", labels),
            "3 choices of labels",
            why,
            "adversarial_labels" if why else "",
        )
        for labels, reported, goal, why in (
            (
                100,
                "1.90 ± 0.10",
                2.0,
                "Two of the three choices have 2.07 or less, one has 2.89; a rerun by others has "
                "[about 5](https://github.com/musyoku/adversarial-autoencoder/issues/13)",
            ),
            (1000, "1.60 ± 0.08", 1.68, ""),
            ("all 50,000", "0.85 ± 0.02", 0.87, ""),
        )
    ),
    *(
        Figure(
            f"Adversarial autoencoder, {clusters} clusters",
            CLUSTERS,
            reported,
            goal,
            "Makhzani et al. 2015",
            Obtained("clusters", "mean error in %", clusters),
            "5",
            f"{cell('clusters', 'alike', clusters)} points lie among 4, 7 and 9 and among 3, 5 and "
            "8, which share clusters; no rerun by others with a figure is known, and a short one "
            "is said to be "
            "[worse, too](https://github.com/musyoku/adversarial-autoencoder/issues/2)",
            "clusters",
        )
        for clusters, reported, goal in ((16, "9.55 ± 2.05", 11.6), (30, "4.10 ± 1.13", 5.23))
    ),
    Figure(
        "VaDE, 10 clusters",
        "MNIST, accuracy in % by the best assignment; the reported one includes training images",
        "94.46",
        94.46,
        "Jiang et al. 2017",
        Obtained("mixture_clusters", "accuracy in %", "VaDE"),
        "3",
        "The start decides: VaDE changes its accuracy, 77.26, by less than a point for each seed; "
        "the paper's start was published as weights alone; others report 71.6 and 75",
        "mixture_clusters",
        higher=True,
    ),
    Figure(
        "Adversarial autoencoder, 8 latent dimensions",
        PARZEN,
        "340 ± 2 (a rerun by others: 345 with dropout, 232 without)",
        338.0,
        "Makhzani et al. 2015",
        Obtained("parzen_windows", "log-likelihood", "AAE, inputs dropped"),
        "1",
        "Its standard error is "
        f"{cell('parzen_windows', 'standard error', 'AAE, inputs dropped')}, and the windows "
        "reward blur: 10,000 training images have "
        f"{cell('parzen_windows', 'log-likelihood', 'training images')} nats, and blurred ones "
        f"{cell('parzen_windows', 'log-likelihood', 'training images, blurred')}",
        "parzen_windows",
        higher=True,
    ),
    Figure(
        "Deep autoencoder, pre-trained, code of 30",
        "MNIST, squared error summed over the pixels of a test image",
        "3.00",
        3.0,
        "Hinton and Salakhutdinov 2006",
        Obtained("deep_pretraining", "obtained", "RBM pre-training, fine-tuned"),
        "1",
    ),
    *(
        Figure(
            f"Pre-training: {name}",
            PRETRAINED,
            f"{goal:.2f}",
            goal,
            "Rifai et al. 2011",
            Obtained(experiment, "obtained", name),
            seeds,
            why,
            "regularized_lengths",
            images=10_000,
        )
        for name, goal, experiment, seeds, why in (
            (
                "contractive (CAE)",
                1.14,
                "regularized_strengths",
                "5",
                "Open: its weight was chosen with all images, 30 epochs before and after; with a "
                "weight chosen with 10,000 images and 12 epochs before and after it has 1.37 "
                "([regularized](#regularized)); 40 epochs do not reach it either, and what else "
                "differs is not known",
            ),
            (
                "denoising, Gaussian noise",
                1.18,
                "regularized_strengths",
                "5",
                "Its noise was chosen with all images, 30 epochs before and after; with noise "
                "chosen with 10,000 images and 12 epochs before and after it has 1.45 "
                "([regularized](#regularized))",
            ),
            (
                "binary RBM",
                1.30,
                "regularized",
                "3",
                "Settings chosen with 10,000 images, 12 epochs before and after; with 40 one seed "
                "has 1.38, where it has 1.52 with 12",
            ),
            ("denoising, masking noise", 1.57, "regularized", "3", ""),
            ("autoencoder + weight decay", 1.68, "regularized", "3", ""),
            ("autoencoder", 1.78, "regularized", "3", ""),
        )
    ),
    *(
        Figure(
            f"Pre-training, photographs: {name}",
            PHOTOGRAPHS,
            f"{goal:.2f}",
            goal,
            "Rifai et al. 2011",
            Obtained("regularized_cifar_lengths", "obtained", name),
            "1",
            experiment="regularized_cifar_lengths",
            images=10_000,
        )
        for name, goal in (
            ("contractive (CAE)", 47.86),
            ("denoising, Gaussian noise", 54.81),
            ("denoising, masking noise", 49.03),
            ("autoencoder + weight decay", 55.03),
            ("autoencoder", 55.47),
        )
    ),
    *(
        Figure(
            f"Stack of {name}",
            STACKS,
            f"{goal:.2f}",
            goal,
            "Vincent et al. 2010",
            Obtained("deep_classifiers", "obtained", name),
            "1",
            "Settings were not searched",
            "deep_classifiers",
            images=10_000,
        )
        for name, goal in (
            ("denoising autoencoders (SDAE-3)", 1.28),
            ("Boltzmann machines (DBN-3)", 1.24),
        )
    ),
    *(
        Figure(
            f"{method}, the best reported on {variant}",
            VARIANTS,
            f"{goal:.2f} ({of_svm(variant)})",
            goal,
            "Rifai et al. 2011",
            of_variant(table, variant, method),
            "1",
            why,
            experiment,
            images=50_000,
        )
        for variant, method, goal, table, why, experiment in (
            (
                "mnist_basic",
                "CAE-2",
                2.48,
                "mnist_variants_settings",
                "Which images are drawn decides as much: on four draws a support vector machine "
                "has 2.77 to 3.10",
                "mnist_variants_draws",
            ),
            (
                "mnist_rot",
                "DAE-b-3",
                9.53,
                "mnist_variants_widths",
                "Layers of 2,000 units; with 1,000 it has "
                f"{cell('mnist_variants_settings', 'obtained', 'mnist_rot')}",
                "mnist_variants_settings",
            ),
            (
                "rectangles",
                "CAE-2",
                1.21,
                "mnist_variants_settings",
                "Our rectangles are harder: on four draws a support vector machine has 3.24 to "
                "3.98, where 2.15 is reported on the published ones",
                "mnist_variants_draws",
            ),
            ("mnist_bg_img", "CAE-2", 15.5, "mnist_variants_settings", "", ""),
            ("mnist_bg_img_rot", "DAE-b-3", 43.76, "mnist_variants_settings", "", ""),
            ("rectangles_img", "CAE-2", 21.54, "mnist_variants", "", ""),
        )
    ),
    Figure(
        "RBM-3, the best reported on mnist_bg_rand",
        VARIANTS,
        f"6.73 ({of_svm('mnist_bg_rand')})",
        6.73,
        "Rifai et al. 2011",
        Obtained("drawn_pixels_lengths", "test error in %", "60 epochs, batches of 20"),
        "1",
        "Open: batches of 20 in place of 128 lower it from "
        f"{of_noise('drawn_pixels_lengths', '60 epochs, batches of 128')}, both with a rate that "
        "falls; before, with a constant rate, drawn pixels in place of gray ones lowered it from "
        f"{of_noise('drawn_pixels', 'as they are, 60 epochs')} to "
        f"{of_noise('drawn_pixels', 'drawn anew, 60 epochs')}. Longer was tried on validation "
        "images alone: 240 epochs in batches of 128 have 8.40 with a constant rate, and 60 have "
        f"{of_noise('drawn_pixels', 'drawn anew, 60 epochs', 'validation')}",
        "drawn_pixels_lengths",
        images=50_000,
    ),
    *(
        Figure(
            name,
            USPS,
            f"{goal:.2f}",
            goal,
            "Bengio, Larochelle and Vincent 2006",
            Obtained("density_classifiers", "their test", row),
            "1 split",
            why,
            "density_classifiers",
            images=2007,
        )
        for name, row, goal, why in (
            ("Parzen windows", "Parzen windows", 5.08, "The paper's split is not known"),
            ("Manifold Parzen", "Manifold Parzen", 4.08, "The paper's split is not known"),
            (
                "Non-local manifold Parzen",
                "Non-local manifold Parzen",
                3.64,
                "Twelve settings, with 10 to 40 epochs, have 4.33 to 5.08 % on test images, and "
                "1,000 validation images do not tell them apart; the paper's split and its stop of "
                "training are not known",
            ),
        )
    ),
    Figure(
        "One-class MNIST, mean of ten digits",
        "trained on one digit, tested on all 10,000 test images; area under the ROC curve in %",
        "94.8 (Deep SVDD)",
        94.8,
        "Ruff et al. 2018",
        Obtained("one_class_mnist", "squared error", "mean"),
        "1",
        higher=True,
    ),
    Figure(
        "ECG5000, VAE",
        "trained on normal heartbeats; area under the ROC curve in %",
        "96.2",
        96.2,
        "a public repository, same split",
        Obtained("heartbeats", "squared error, or its own score", "VAE, dense"),
        "1",
        higher=True,
    ),
    Figure(
        "ADBench, mean of thirteen tables",
        "60 % of the rows to train, 40 % to test, ten trials; area under the ROC curve; PyOD: "
        "other splits, all rows of each table",
        "0.8127 (isolation forest; on our rows 0.8075)",
        0.8127,
        "PyOD's table",
        Obtained("anomaly_trials", "zoo VAE", "mean of the thirteen others"),
        "10 splits",
        higher=True,
    ),
)
