"""How time is compressed: every wait of the data plane that is shorter here than on AWS, with AWS's own value.

Nothing here decides *what* happens, only when.
"""

from __future__ import annotations

# How long changes of the account may gather before the data plane looks at them.
DEBOUNCE_SECONDS = 0.05

# How often a database is looked at, in case its server has died.
DATABASE_LOOK_SECONDS = 1.0

# ── ECS ──────────────────────────────────────────────────────────────────────────────────────────────────────────
# How often a service whose tasks aren't all well is looked at (the scheduler's own pace on AWS isn't documented), and
# one that is.
UNSETTLED_SECONDS = 0.1
SETTLED_SECONDS = 1.0

# Deployment circuit breaker: fails after max(3, half the desired count), at most 200, failed tasks.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
BREAKER_LEAST = 3
BREAKER_MOST = 200
# A task that took long to fail would fail in the same way again, because nothing here is ever merely unlucky (no lost
# packet, no busy host): so it counts as many as the least. AWS starts the same task three times.
SLOW_FAILURE_SECONDS = 3.0
# Between two tries of a deployment without a circuit breaker, or of a service that had been steady. AWS: throttled
# "incrementally up to a maximum of 27 minutes".
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
RETRY_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

# A container that has opened its port gets this much of its real grace (healthCheckGracePeriodSeconds, startPeriod) to
# pass its checks, and at least LEAST. While its port is closed it starts, and has the real grace.
GRACE_DIVISOR = 20.0
GRACE_LEAST_SECONDS = 5.0
# When the network refuses the load balancer's checks, or nothing listens on the port: no grace helps, short of a rule
# that the same update is about to add.
HOPELESS_SECONDS = 4.0
# The least that a program may take to open a port, whatever the service's grace period.
START_SECONDS_LEAST = 60.0
# A task that was healthy is replaced after its target has been unhealthy for so long. AWS: at once; but here a broken
# dependency is more likely than a broken task, and starting another LiteLLM takes half of the machine.
REPLACE_SECONDS = 10.0
# Health check commands until the first success. AWS: at the configured interval (30 s unless said otherwise) from the
# start on; here from when a port is open, so that a starting program isn't slowed down by checks that can't succeed.
FIRST_CHECK_SECONDS = 0.5
# How often a starting container's ports are looked at.
PORT_SECONDS = 0.1
# Between SIGTERM and SIGKILL. AWS: stopTimeout, 30 s unless said otherwise, up to 120 s.
STOP_SECONDS_MOST = 10.0
# Between deregistration and SIGTERM. AWS: deregistration_delay.timeout_seconds, 300 s unless said otherwise. Requests
# under way have this and then the program's own graceful stop.
DRAIN_SECONDS_MOST = 1.0
# How long a deployment that was rolled back stays in DescribeServices. AWS: until its tasks are drained.
FAILED_SHOWN_SECONDS = 15.0
# How many of a service's stopped tasks are remembered. AWS: for about an hour.
STOPPED_KEPT = 10

# ── Lambda ───────────────────────────────────────────────────────────────────────────────────────────────────────
# The init phase has 10 s on AWS, too. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
LAMBDA_INIT_SECONDS = 10.0
# An idle environment is kept for as long as the function; AWS reclaims it after some minutes.
LAMBDA_STOP_SECONDS = 1.0
# Environments of one function at the same time; further calls wait. AWS: 1,000 for all functions, then throttled.
LAMBDA_ENVIRONMENTS_MOST = 4
# Environments beyond the first that are idle for so long end.
LAMBDA_IDLE_SECONDS = 20.0
