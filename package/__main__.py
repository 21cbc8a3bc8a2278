"""The component `LlmGateway` for Pulumi programs in any language.

The engine starts this in the environment of the clone that it stands in (`make setup` there makes it):
https://www.pulumi.com/docs/iac/guides/building-extending/components/build-a-component/
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi.provider.experimental import component_provider_host

from components.llm_gateway import LlmGateway

if __name__ == "__main__":
    component_provider_host(name="llm-gateway", components=[LlmGateway])
