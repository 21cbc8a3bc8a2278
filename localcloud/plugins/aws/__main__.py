"""`python -m localcloud.plugins.aws ENGINE_ADDRESS`: what the `pulumi-resource-aws` launcher runs."""

from localcloud.plugins.aws.provider import VERSION, AwsProvider
from localcloud.plugins.serve import serve

serve(AwsProvider, VERSION)
