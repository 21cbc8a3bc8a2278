"""ECS: the capacity providers of a cluster, which decide where its tasks run."""

from __future__ import annotations

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import REPLACE, REQUIRED, UNORDERED, Call, Row, Update, number, several, text, texts


async def _take_away(op: Operation) -> None:
    await op.call(
        "PutClusterCapacityProviders", cluster=op.id, capacityProviders=[], defaultCapacityProviderStrategy=[]
    )


# A call says both lists: what it left out would be taken away.
_PUT = Call("PutClusterCapacityProviders", {"cluster": "{clusterName}"}, said=("clusterName",))

CAPACITY = Row(
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
    "ecs",
    inputs={
        "clusterName": text(REQUIRED | REPLACE),
        "capacityProviders": texts(UNORDERED, default=[]),
        "defaultCapacityProviderStrategies": several(
            {"capacityProvider": text(REQUIRED), "base": number(default=0), "weight": number(default=0)},
            UNORDERED,
            default=[],
            to="defaultCapacityProviderStrategy",
        ),
    },
    create=_PUT,
    id="cluster.clusterName",
    read=Call("DescribeClusters", {"clusters": ["{id}"]}, "clusters[?status!='INACTIVE'] | [0]"),
    updates=(Update("capacityProviders defaultCapacityProviderStrategies", _PUT, whole=True),),
    delete=_take_away,
    gone=("ClusterNotFoundException",),
    busy=("ResourceInUseException", "UpdateInProgressException"),
    identity=("clusterName",),
)

ROWS = (CAPACITY,)
