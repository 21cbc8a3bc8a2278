"""ECS: the capacity providers of a cluster, which decide where its tasks run."""

from __future__ import annotations

from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import REPLACE, REQUIRED, UNORDERED, Call, Row, Update, number, several, text, texts


async def _put(op: Operation) -> dict[str, Any]:
    """Both lists are always said: what a call leaves out would be taken away."""
    made = await op.shaped(
        "PutClusterCapacityProviders",
        {name: CAPACITY.inputs[name] for name in ("capacityProviders", "defaultCapacityProviderStrategies")},
        {name: op.inputs.get(name) or [] for name in ("capacityProviders", "defaultCapacityProviderStrategies")},
    )
    empty = {"capacityProviders": [], "defaultCapacityProviderStrategy": []}
    await op.call("PutClusterCapacityProviders", cluster=op.inputs["clusterName"], **empty | made)
    return dict(op.inputs)


async def _take_away(op: Operation) -> None:
    await op.call(
        "PutClusterCapacityProviders", cluster=op.id, capacityProviders=[], defaultCapacityProviderStrategy=[]
    )


CAPACITY = Row(
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
    "ecs",
    inputs={
        "clusterName": text(REQUIRED | REPLACE),
        "capacityProviders": texts(UNORDERED),
        "defaultCapacityProviderStrategies": several(
            {"capacityProvider": text(REQUIRED), "base": number(default=0), "weight": number(default=0)},
            UNORDERED,
            to="defaultCapacityProviderStrategy",
        ),
    },
    create=_put,
    id="clusterName",
    read=Call("DescribeClusters", {"clusters": ["{id}"]}, "clusters[?status!='INACTIVE'] | [0]"),
    updates=(Update("capacityProviders defaultCapacityProviderStrategies", _put, whole=True),),
    delete=_take_away,
    gone=("ClusterNotFoundException",),
    busy=("ResourceInUseException", "UpdateInProgressException"),
    identity=("clusterName",),
)

ROWS = (CAPACITY,)
