"""The account of one workload: four stacks, in the order in which they are deployed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from aws_cdk import App, Tags

from infra.assets import ROOT
from infra.names import Names
from infra.stacks.data import DataStack
from infra.stacks.healing import HealingStack
from infra.stacks.learning import LearningStack
from infra.stacks.serving import ServingStack
from selfheal.bounds import Problem
from selfheal.settings import Settings
from selfheal.settings_file import SettingsError, load


def new_app() -> App:
    """An app that writes where the CDK's command line says, else to ./cdk.out.

    The command line hands cdk.json's context over by itself. A bare run takes the feature flags from there,
    so that both write the same templates, and nothing else: it deploys nothing, and so builds no layers.
    """
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    flags = {name: value for name, value in context.items() if name.startswith("@aws-cdk/")}
    return App(outdir=os.environ.get("CDK_OUTDIR", "cdk.out"), context=flags, analytics_reporting=False)


def declare(app: App, path: Path) -> None:
    """Put the stacks that a settings file describes into the app.

    Raises:
        SettingsError: the file cannot be used, or names files that are not there.
    """
    settings = load(path)
    seed = _seed(settings, path)
    names = Names(settings.name)
    Tags.of(app).add("selfheal:workload", settings.name)

    data = DataStack(app, names.stack("data"), settings=settings)
    stores = data.stores
    learning = LearningStack(app, names.stack("learning"), settings=settings, stores=stores, seed=seed)
    serving = ServingStack(app, names.stack("serving"), settings=settings, stores=stores)
    healing = HealingStack(
        app, names.stack("healing"), settings=settings, stores=stores, serving_role=learning.serving_role
    )
    learning.add_stack_dependency(data)
    serving.add_stack_dependency(learning, reason="the endpoint's config resolves the champion pointer")
    healing.add_stack_dependency(serving)


def _seed(settings: Settings, path: Path) -> Path:
    """The file that the first champion learns from, if all that the settings name is there."""
    seed = path.parent / settings.workload.seed
    problems = []
    if not seed.is_file():
        problems.append(
            Problem("workload.seed", settings.workload.seed, f"a file, relative to {path.parent}")
        )
    if not (ROOT / settings.workload.code).is_dir():
        problems.append(Problem("workload.code", settings.workload.code, "a folder of this project"))
    if problems:
        raise SettingsError(path, problems)
    return seed
