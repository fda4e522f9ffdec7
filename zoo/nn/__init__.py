"""What models are made of: networks, likelihoods, priors, divergences."""
