"""The handlers of a custom resource: the second question whether it is complete gets a yes."""

import json

ASKED = []


def on_event(event, context):
    return {"PhysicalResourceId": "champion-1", "Data": {"Echo": event, "Started": context.function_name}}


def is_complete(event, context):
    ASKED.append(event)
    if len(ASKED) < 3:
        return {"IsComplete": False}
    return {
        "IsComplete": True,
        "Data": {"Asked": str(len(ASKED)), "Seen": json.dumps(event["Data"]["Echo"])},
    }
