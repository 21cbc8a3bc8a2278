"""What standing the gateway up costs on this machine, against a floor measured in the same run: `make bench`.

`bare.py` starts LiteLLM by itself, `cloud.py` runs `make up` and weighs what then runs, `cli.py` times the admin's
commands on it, `report.py` judges.
"""
