"""Deep forecasting architectures by name, with one set of hyperparameters for all.

The public names stand in ``__init__.pyi``; each is loaded with its module on first use, so that listing the
architectures does not wait for torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
