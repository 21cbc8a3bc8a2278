"""`pulumi-resource-aws` for the local cloud: a table of resource types and a generic engine that realises them.

`table/` says what a type's properties are and which AWS operations make, read, change and delete it. The other
modules know no type: they work from a row and botocore's service models. Semantics follow pulumi-aws 7
(terraform-provider-aws 6).
"""
