"""The models, one file or folder a family.

`CLASSES` is the table of what a preset may hold: `zoo.load` makes nothing else.
"""

from zoo.models.adversarial import (
    AAE,
    VAEGAN,
    ClusteringAAE,
    LabelInformedAAE,
    SemiSupervisedAAE,
    SupervisedAAE,
)
from zoo.models.autoencoder import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from zoo.models.boltzmann import RBM
from zoo.models.cvae import CVAE
from zoo.models.energy import TargetPropAutoencoder
from zoo.models.iwae import IWAE
from zoo.models.semisupervised import M1, M1M2, M2
from zoo.models.vae import VAE

CLASSES = {
    cls.__name__: cls
    for cls in (
        Autoencoder,
        SparseAutoencoder,
        DenoisingAutoencoder,
        ContractiveAutoencoder,
        RBM,
        TargetPropAutoencoder,
        VAE,
        CVAE,
        IWAE,
        M1,
        M2,
        M1M2,
        AAE,
        LabelInformedAAE,
        SupervisedAAE,
        SemiSupervisedAAE,
        ClusteringAAE,
        VAEGAN,
    )
}
