"""The settings of a model as parameters of an estimator, for `clone` and grid searches."""

from __future__ import annotations

import inspect
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state


class WithSettings(BaseEstimator):
    """The base class of estimators that take settings of a model besides their parameters."""

    def _keep_settings(self, settings: dict[str, Any]) -> None:
        for name, value in settings.items():  # scikit-learn looks parameters up by name
            setattr(self, name, value)

    @classmethod
    def _own_parameters(cls) -> list[str]:
        parameters = inspect.signature(cls.__init__).parameters.values()
        return [p.name for p in parameters if p.name != "self" and p.kind != p.VAR_KEYWORD]

    def _settings(self) -> dict:
        """Return the settings of the model, which are not parameters of this class."""
        own = self._own_parameters()
        given = {k: v for k, v in vars(self).items() if not k.startswith("_")}
        return {k: v for k, v in given.items() if k not in own and not k.endswith("_")}

    def get_params(self, deep: bool = True) -> dict:
        """Return the parameters of this estimator and the settings of the model, by name."""
        return super().get_params(deep) | self._settings()

    def set_params(self, **params: Any) -> WithSettings:
        """Set parameters of this estimator, or settings of the model, such as `beta=2.0`."""
        own = self._own_parameters()
        super().set_params(**{k: v for k, v in params.items() if k in own})
        for name, value in params.items():
            if name not in own:
                setattr(self, name, value)
        return self

    def _drawn_seed(self) -> int:
        """Return the seed for all random draws of `fit`, from `random_state`."""
        return int(check_random_state(self.random_state).randint(2**31 - 1))
