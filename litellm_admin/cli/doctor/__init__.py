"""`doctor`: walks credentials → relay → admin door → LiteLLM → database → edge and says what is broken.

`walk.py` asks along the way, `states.py` and `flows.py` read what AWS knows of the parts and judge it (pure), `aws.py`
fetches that, `keys.py` looks at one key, `run.py` puts it together.
"""
