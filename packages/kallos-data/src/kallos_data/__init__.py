"""Database tables to regular feature frames, walk-forward folds and scaled series, without looking ahead.

The public names stand in ``__init__.pyi``; each is loaded with its module on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
