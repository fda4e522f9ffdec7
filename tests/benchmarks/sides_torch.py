"""The sides of the training benchmark that are made with PyTorch: a plain loop, and pythae's."""

import itertools
import tempfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

LABELED = 100


def data(images, seed=0):
    """Return images like dense drawings, [n, 1, 28, 28], and labels."""
    generator = np.random.default_rng(seed)
    x = torch.from_numpy(generator.random((images, 1, 28, 28), np.float32))
    return x, torch.from_numpy(generator.integers(0, 10, images))


def plain_epoch(name, images, batch):
    """Return a function that trains for an epoch: batches of a shuffled tensor, Adam."""
    torch.manual_seed(0)
    x, y = data(images)
    model = PLAIN[name.partition(" ")[0].strip(",")](name)
    step = model.stepper(x)

    def epoch():
        order = torch.randperm(images)
        for start in range(0, images, batch):
            rows = order[start : start + batch]
            step(x[rows], y[rows])

    return epoch


def layers(*sizes, last=None):
    """Return dense layers with ReLU between them, and `last` after them."""
    made = []
    for first, second in itertools.pairwise(sizes):
        made += [nn.Linear(first, second), nn.ReLU()]
    return nn.Sequential(*made[:-1], *([last] if last else []))


def cross_entropy(x, logits):
    """Return -log p(x | z) of pixels, [batch]."""
    terms = F.binary_cross_entropy_with_logits(logits.flatten(1), x.flatten(1), reduction="none")
    return terms.sum(1)


def divergence(mean, log_var):
    """Return KL(N(mean, exp log_var) || N(0, 1)), [batch]."""
    return 0.5 * (mean.square() + log_var.exp() - log_var - 1).sum(1)


def sampled(mean, log_var):
    return mean + (0.5 * log_var).exp() * torch.randn_like(mean)


class Plain(nn.Module):
    """One loss, one optimizer."""

    def stepper(self, x):
        optimizer = torch.optim.Adam(self.parameters())

        def step(x, y):
            optimizer.zero_grad(set_to_none=True)
            self.loss_of(x, y).mean().backward()
            optimizer.step()

        return step


class VAE(Plain):
    def __init__(self, name):
        super().__init__()
        if "convolutional" in name:
            self.encoder, self.decoder = convolutional(32)
        else:
            self.encoder = nn.Sequential(nn.Flatten(), layers(784, 512, 256, 32))
            self.decoder = layers(16, 256, 512, 784)

    def loss_of(self, x, y):
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        return cross_entropy(x, self.decoder(sampled(mean, log_var))) + divergence(mean, log_var)


def convolutional(heads):
    """Return the encoder and the decoder of the zoo's networks with filters of 32 and 64."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Linear(128, heads),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(heads // 2, 128), nn.ReLU(), nn.Linear(128, 64 * 49), nn.ReLU(),
        nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1), nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 3, stride=2, padding=1, output_padding=1),
    )  # fmt: skip
    return encoder, decoder


class CVAE(Plain):
    def __init__(self, name):
        super().__init__()
        self.encoder, self.decoder = layers(794, 512, 256, 16), layers(18, 256, 512, 784)

    def loss_of(self, x, y):
        label = F.one_hot(y, 10).float()
        mean, log_var = self.encoder(torch.cat([x.flatten(1), label], 1)).chunk(2, dim=1)
        logits = self.decoder(torch.cat([sampled(mean, log_var), label], 1))
        return cross_entropy(x, logits) + divergence(mean, log_var)


class Contractive(Plain):
    def __init__(self, name):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(784, 1000), nn.Linear(1000, 784)

    def loss_of(self, x, y):
        z = torch.sigmoid(self.encoder(x.flatten(1)))
        penalty = (z * (1 - z)).square() @ self.encoder.weight.square().sum(1)
        return cross_entropy(x, self.decoder(z)) + 0.1 * penalty


class M2(Plain):
    def __init__(self, name):
        super().__init__()
        self.trunk = layers(784, 500, last=nn.ReLU())
        self.heads, self.classifier = nn.Linear(510, 16), nn.Linear(500, 10)
        self.decoder = layers(18, 500, 784)

    def stepper(self, x):
        self.labeled = x[:LABELED], torch.arange(LABELED) % 10
        return super().stepper(x)

    def bound(self, x, y):
        label = F.one_hot(y, 10).float()
        features = self.trunk(x.flatten(1))
        mean, log_var = self.heads(torch.cat([features, label], 1)).chunk(2, dim=1)
        logits = self.decoder(torch.cat([sampled(mean, log_var), label], 1))
        return cross_entropy(x, logits) + divergence(mean, log_var) + np.log(10.0)

    def loss_of(self, x, y):
        log_q = self.classifier(self.trunk(x.flatten(1))).log_softmax(1)
        each = [self.bound(x, torch.full((len(x),), label)) for label in range(10)]
        expected = (log_q.exp() * (torch.stack(each, 1) + log_q)).sum(1)
        images, labels = self.labeled
        errors = F.cross_entropy(self.classifier(self.trunk(images.flatten(1))), labels)
        return expected.mean() + self.bound(images, labels).mean() + 10 * errors


class AAE(Plain):
    """Three updates, each with its own backward pass and optimizer."""

    def __init__(self, name):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), layers(784, 1000, 1000, 8))
        self.decoder = layers(8, 1000, 1000, 784)
        self.discriminator = layers(8, 1000, 1000, 1)

    def stepper(self, x):
        pair = [*self.encoder.parameters(), *self.decoder.parameters()]
        groups = pair, self.discriminator.parameters(), self.encoder.parameters()
        first, second, third = (torch.optim.Adam(group) for group in groups)

        def update(loss, optimizer):
            self.zero_grad(set_to_none=True)
            loss.mean().backward()
            optimizer.step()

        def step(x, y):
            update(cross_entropy(x, self.decoder(self.encoder(x))), first)
            codes, prior = self.encoder(x).detach(), torch.randn(len(x), 8)
            logits = self.discriminator(prior), self.discriminator(codes)
            update(F.softplus(-logits[0]) + F.softplus(logits[1]), second)
            update(F.softplus(-self.discriminator(self.encoder(x))), third)

        return step


PLAIN = {"VAE": VAE, "CVAE": CVAE, "contractive": Contractive, "M2": M2, "AAE": AAE}


def pythae_epoch(name, images, batch):
    """Return a function that trains pythae's model of the same networks by pythae's own trainer.

    Its adversarial autoencoder makes its updates from one forward pass.
    """
    from pythae import models, trainers
    from pythae.data.datasets import BaseDataset
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, x):
            mean, log_var = self.network(x).chunk(2, dim=1)
            return ModelOutput(embedding=mean, log_covariance=log_var)

    class Decoder(BaseDecoder):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, z):
            pixels = torch.sigmoid(self.network(z)).reshape(-1, 1, 28, 28)
            return ModelOutput(reconstruction=pixels)

    class Discriminator(BaseDiscriminator):
        def __init__(self):
            super().__init__()
            self.network = layers(8, 1000, 1000, 1, last=nn.Sigmoid())

        def forward(self, z):
            return ModelOutput(embedding=self.network(z))

    x, y = data(images)
    options = {
        "output_dir": tempfile.mkdtemp(),
        "num_epochs": 1000,
        "per_device_train_batch_size": batch,
    }
    dimensions = {"input_dim": (1, 28, 28), "reconstruction_loss": "bce"}
    if name.startswith("AAE"):
        encoder = nn.Sequential(nn.Flatten(), layers(784, 1000, 1000, 16))
        config = models.Adversarial_AE_Config(latent_dim=8, **dimensions)
        networks = Encoder(encoder), Decoder(layers(8, 1000, 1000, 784)), Discriminator()
        model = models.Adversarial_AE(config, *networks)
        settings = trainers.AdversarialTrainerConfig(**options)
        trainer = trainers.AdversarialTrainer(model, BaseDataset(x, y), training_config=settings)
    else:
        ours = VAE(name)
        config = models.VAEConfig(latent_dim=16, **dimensions)
        model = models.VAE(config, Encoder(ours.encoder), Decoder(ours.decoder))
        settings = trainers.BaseTrainerConfig(**options)
        trainer = trainers.BaseTrainer(model, BaseDataset(x, y), training_config=settings)
    trainer.prepare_training()
    return lambda: trainer.train_step(epoch=1)
