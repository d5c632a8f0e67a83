"""SageMaker Pipelines: definitions that are executed, step by step, on the virtual clock."""

from twin.pipelines.api import Pipelines
from twin.pipelines.executor import Pace, StepChange

__all__ = ["Pace", "Pipelines", "StepChange"]
