"""CloudFormation, as far as the template needs it: what was synthesized into cdk.out, loaded into moto.

    assembly = Assembly.read(Path("cdk.out"))
    loader = Loader(account)
    for stack in assembly.stacks:
        loader.deploy(stack)

The loader is strict: a type, a property, a function or a reference that it does not know is a `TwinError`
that names the stack, the resource and the property, for what is dropped silently would be missed first in
the real account.
"""

from twin.template.account import Account, PackagedCode
from twin.template.assembly import Assembly, Stack
from twin.template.loader import DeployedStack, Loader

__all__ = ["Account", "Assembly", "DeployedStack", "Loader", "PackagedCode", "Stack"]
