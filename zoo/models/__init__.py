"""The models, one file a family.

`CLASSES` is the table of what a preset may hold: `zoo.load` makes nothing else.
"""

from zoo.models.aae import AAE
from zoo.models.autoencoder import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from zoo.models.clustering_aae import ClusteringAAE
from zoo.models.cvae import CVAE
from zoo.models.iwae import IWAE
from zoo.models.label_informed_aae import LabelInformedAAE
from zoo.models.m1 import M1
from zoo.models.m1m2 import M1M2
from zoo.models.m2 import M2
from zoo.models.rbm import RBM
from zoo.models.semi_supervised_aae import SemiSupervisedAAE
from zoo.models.supervised_aae import SupervisedAAE
from zoo.models.target_prop import TargetPropAutoencoder
from zoo.models.vae import VAE
from zoo.models.vaegan import VAEGAN

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
