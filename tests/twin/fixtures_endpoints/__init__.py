"""A small account with endpoints: moto, a clock driven by hand, and models that are a few lines of Python."""
