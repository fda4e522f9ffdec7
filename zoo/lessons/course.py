"""The lessons as a course: chapters, in the order in which they build on one another."""

from __future__ import annotations

COURSE: dict[str, tuple[str, ...]] = {
    "Losses and distances": (
        "output_units",
        "losses_are_likelihoods",
        "half_pixel",
        "dimension",
        "meaning_of_distance",
    ),
    "Codes that are small": (
        "pca_with_sigmoid",
        "six_autoencoders",
        "capacity",
        "specific_and_lossy",
        "stacks",
        "manifold_learning",
        "manifolds",
        "path_on_a_manifold",
    ),
    "Codes that are regularized": (
        "sparsity",
        "penalties",
        "contraction",
        "corruption_levels",
        "filters_by_noise",
        "filters_of_photographs",
    ),
    "Energies": ("energy", "energy_training", "energies_of_autoencoders", "energies"),
    "Densities": ("naive_bayes", "kl_directions", "ring", "densities"),
    "Variational autoencoders": (
        "why_sample_from_q",
        "bubbles",
        "likelihoods",
        "likelihood_of_noise",
        "manifold_seeds",
        "conditional_bounds",
        "entanglement",
        "denoising_variational",
    ),
    "Discriminators": (
        "two_modes",
        "vae_against_gan",
        "vae_against_aae",
        "parzen_windows",
        "clusters",
        "adversarial_images",
        "diversity",
        "feature_losses",
    ),
    "Labels": (
        "label_informed",
        "adversarial_labels",
        "few_labels",
        "attributes",
        "angles",
    ),
    "Anomalies": ("one_class_mnist", "anomaly_tables", "heartbeats", "defaults"),
    "From one view to another": (
        "tones",
        "super_resolution",
        "translation",
        "correspondence",
    ),
    "Search, files and drawings": (
        "image_search",
        "compression",
        "lossless",
        "drawings",
    ),
}
