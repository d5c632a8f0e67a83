"""Entry point of the training job; it lies at the root of the source bundle.

SageMaker's script mode runs its program as a module of the bundle's root (`python -m train`), so that a path
to a file in a folder would not be found.
"""

from pipelines.steps.train import main

if __name__ == "__main__":
    main()
