"""One file for each architecture.

Each has one function ``build(hparams, shared, note)``: it translates the common hyperparameters into the names of a
Darts model, adds the ``shared`` keyword arguments, and passes what cannot apply, in words, to ``note``. A file whose
name starts with an underscore is no architecture.
"""
