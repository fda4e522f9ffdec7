"""The models: one file each; the classical autoencoders share a file.

`CLASSES` lists the classes that a preset may hold: `zoo.load` makes no others.

Example: a variant is a subclass. Each term of its loss has a metric in `metric_names`. A setting is
an argument and an attribute of the same name. A weight of its own is saved and exported.

    import keras
    import numpy as np
    from keras import ops

    import zoo

    @keras.saving.register_keras_serializable(package="mine")
    class Tempered(zoo.VAE):
        metric_names = (*zoo.VAE.metric_names, "brightness")

        def __init__(self, *args, weight=1.0, **kwargs):
            super().__init__(*args, **kwargs)
            self.weight = weight
            self.gain = self.add_weight((), "ones", name="gain")

        def losses(self, batch, training):
            images = self.call(batch.x, training)
            gap = ops.mean(images - batch.x, axis=tuple(range(1, len(batch.x.shape))))
            brightness = ops.square(gap)
            found = super().losses(batch, training)
            return found.plus(self.weight * brightness, brightness=brightness)

        def image(self, z, label=None, training=False):
            return super().image(z, label, training) ** self.gain

    model = Tempered((4, 4, 1), 2, hidden_units=(8,), weight=3.0)
    model.compile("adam", run_eagerly=True)
    history = model.fit(np.random.default_rng(0).random((8, 4, 4, 1), "float32"), verbose=0)
    print(history.history["brightness"])
"""

from zoo.models.aae import AAE as AAE
from zoo.models.began import BEGAN as BEGAN
from zoo.models.caae import CAAE as CAAE
from zoo.models.classical import (
    Autoencoder as Autoencoder,
)
from zoo.models.classical import (
    ContractiveAutoencoder as ContractiveAutoencoder,
)
from zoo.models.classical import (
    DenoisingAutoencoder as DenoisingAutoencoder,
)
from zoo.models.classical import (
    SparseAutoencoder as SparseAutoencoder,
)
from zoo.models.clustering_aae import ClusteringAAE as ClusteringAAE
from zoo.models.cvae import CVAE as CVAE
from zoo.models.dfc_vae import DFCVAE as DFCVAE
from zoo.models.ebgan import EBGAN as EBGAN
from zoo.models.gan import GAN as GAN
from zoo.models.iwae import IWAE as IWAE
from zoo.models.label_informed_aae import LabelInformedAAE as LabelInformedAAE
from zoo.models.m1 import M1 as M1
from zoo.models.m1m2 import M1M2 as M1M2
from zoo.models.m2 import M2 as M2
from zoo.models.palette_net import PaletteNet as PaletteNet
from zoo.models.pix2pix import Pix2Pix as Pix2Pix
from zoo.models.rbm import RBM as RBM
from zoo.models.semi_supervised_aae import SemiSupervisedAAE as SemiSupervisedAAE
from zoo.models.supervised_aae import SupervisedAAE as SupervisedAAE
from zoo.models.target_prop import TargetPropAutoencoder as TargetPropAutoencoder
from zoo.models.tdae import TDAE as TDAE
from zoo.models.vae import VAE as VAE
from zoo.models.vaegan import VAEGAN as VAEGAN
from zoo.training.registry import CLASSES as CLASSES
