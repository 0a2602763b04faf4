"""One file for each architecture.

Each has one function ``build(hparams, shared, note)``: it translates the hyperparameters into the names of a Darts
model, adds the ``shared`` keyword arguments, and passes what cannot apply, in words, to ``note``. One that has
hyperparameters of its own declares them in a subclass of :class:`kallos_models.Hyperparameters`, and names that class
as ``HYPERPARAMETERS``; those that do nothing beside certain values of others it names as ``WITHOUT_EFFECT``. What they
are is told without torch, so Darts is imported in ``build``. A file whose name starts with an underscore is no
architecture.
"""
