"""What the local gateway costs on this machine, against floors measured in the same run: `make bench`.

Standing it up: `bare.py` starts LiteLLM by itself, `cloud.py` runs `make up` and weighs what then runs, `cli.py` times
the admin's commands on it. Seeding many users and keys: `seed_floor.py` is a bare client, `seeding.py` measures
`pulumi up`. `report.py` judges.
"""
