"""IAM, enforced: who calls, whether the call is theirs, and what their policies let them do."""
