# One command a line, for people. The work is done by `ops` (set-up, engine, driving a stack) and `localcloud` (AWS on this
# machine); this file is where the two meet. Plain POSIX make: no conditionals, no functions.

STACK ?= local

PY = .venv/bin/python
LOCAL = $(PY) -m localcloud
SETUP = sh ops/setup.sh
# A stack on AWS needs neither LiteLLM nor anything else of the local cloud.
SETUP_CLOUD = sh ops/setup.sh python engine launchers
PULUMI = PATH="$${LOCALCLOUD_SETUP:-$$PWD/.local/setup}/engine/bin:$$PATH" pulumi

# Previews of other stacks run on a simulated account of their own, beside whatever is up here.
TRIAL = LOCALCLOUD_HOME="$$PWD/.local/trial"
TRIAL_END = $(TRIAL) $(LOCAL) stop --wipe

.PHONY: help up preview refresh down status logs outputs key env setup test bench lint lock clean \
	preview-report cost prices sleep wake teardown sweep upgrade-check

help: ## this list
	@echo "make TARGET [STACK=local]       a stack of another name is on AWS: Pulumi asks before it changes anything"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

up: ## stand the gateway up, or bring it up to date; SHOW_KEYS=1 prints the keys in clear
	@case "$(STACK)" in \
	local) $(SETUP) && $(LOCAL) run -- $(PY) -m ops up --stack local --yes $(ARGS) \
		&& found=$$($(LOCAL) outputs --json --show-secrets) \
		&& printf '%s' "$$found" | $(PY) -m ops summary --stack local --outputs - $${SHOW_KEYS:+--show-keys} ;; \
	*) $(SETUP_CLOUD) && $(PULUMI) up --stack "$(STACK)" $(ARGS) \
		&& $(PY) -m ops summary --stack "$(STACK)" $${SHOW_KEYS:+--show-keys} ;; \
	esac

preview: ## what `make up` would change; ARGS=--diff shows every property
	@case "$(STACK)" in \
	local) $(SETUP) && $(LOCAL) run -- $(PY) -m ops preview --stack local $(ARGS) ;; \
	*) $(SETUP_CLOUD) && $(PULUMI) preview --stack "$(STACK)" $(ARGS) ;; \
	esac

refresh: ## compare the state with what really exists, and correct the state
	@case "$(STACK)" in \
	local) $(SETUP) && $(LOCAL) run -- $(PY) -m ops refresh --stack local --yes $(ARGS) ;; \
	*) $(SETUP_CLOUD) && $(PULUMI) refresh --stack "$(STACK)" $(ARGS) ;; \
	esac

# Locally, `down` is done when nothing is left, whatever state things were in: a daemon that was killed has nothing to destroy,
# and what a destroy could not finish goes with the account.
down: ## destroy it; locally no process, port or file is left
	@case "$(STACK)" in \
	local) \
		if [ ! -e .local/cloud ] && [ -z "$$LOCALCLOUD_HOME" ]; then echo "nothing is up"; exit 0; fi; \
		$(SETUP) || exit; \
		if $(LOCAL) status >/dev/null 2>&1; then \
			$(LOCAL) run -- $(PY) -m ops unlock --stop --stack local && \
			$(LOCAL) run -- $(PY) -m ops destroy --stack local --yes $(ARGS) \
				|| echo "make down: destroy did not come to its end (above); removing what is left, by force" >&2; \
		fi; \
		$(LOCAL) stop --wipe ;; \
	*) $(SETUP_CLOUD) && $(PULUMI) destroy --stack "$(STACK)" $(ARGS) ;; \
	esac

status: ## what runs on this machine, where it answers, how much memory it takes
	@$(SETUP) python && $(LOCAL) status $(ARGS)

logs: ## the logs' names; NAME=litellm shows the end of one, ARGS=--follow goes on
	@$(SETUP) python && $(LOCAL) logs $(NAME) $(ARGS)

outputs: ## the stack's outputs; locally with the addresses that answer on this machine; ARGS=--show-secrets
	@case "$(STACK)" in \
	local) $(SETUP) && $(LOCAL) outputs $(ARGS) ;; \
	*) $(SETUP_CLOUD) && $(PY) -m ops outputs --stack "$(STACK)" $(ARGS) ;; \
	esac

key: ## print one key: KEY=$(make -s key ALIAS=dev-environment)
	@case "$(STACK)" in \
	local) $(SETUP) && $(LOCAL) run -- $(PY) -m ops key --stack local "$(ALIAS)" ;; \
	*) $(SETUP_CLOUD) && $(PY) -m ops key --stack "$(STACK)" "$(ALIAS)" ;; \
	esac

preview-report: ## what this work tree would change, compared with BASE=origin/main, as Markdown: STACK=poc, ARGS=--out=FILE
	@$(SETUP) && { \
	$(TRIAL) $(LOCAL) run -- $(PY) -m ops preview-report --stack "$(STACK)" --base "$${BASE:-origin/main}" $(ARGS); \
	code=$$?; $(TRIAL_END); exit $$code; }

cost: ## what STACK=poc costs a month; ARGS="--prices us-east-1 --set egress=public"
	@$(SETUP) python engine launchers && { \
	$(TRIAL) $(LOCAL) run -- $(PY) -m ops cost --stack "$(STACK)" $(ARGS); \
	code=$$?; $(TRIAL_END); exit $$code; }

sleep: ## put it to sleep: no tasks, database stopped; what it holds stays
	@case "$(STACK)" in \
	local) $(SETUP) && $(LOCAL) run -- $(PY) -m ops sleep --stack local ;; \
	*) $(SETUP_CLOUD) && $(PY) -m ops sleep --stack "$(STACK)" ;; \
	esac

wake: ## wake it; done when it serves
	@case "$(STACK)" in \
	local) $(SETUP) && $(LOCAL) run -- $(PY) -m ops wake --stack local ;; \
	*) $(SETUP_CLOUD) && $(PY) -m ops wake --stack "$(STACK)" ;; \
	esac

teardown: ## destroy STACK with patience (AWS holds some things back) and take it off the backend; ARGS=--yes
	@$(SETUP_CLOUD) && $(PY) -m ops teardown --stack "$(STACK)" $(ARGS)

sweep: ## list the stacks of your backend; ARGS=--yes destroys those that have outlived their lifetime
	@$(SETUP_CLOUD) && $(PY) -m ops sweep $(ARGS)

upgrade-check: ## what VERSION=1.109.0 of LiteLLM changes: routes by class, migrations, advisories
	@$(SETUP) && $(PY) -m ops upgrade-check --version "$(VERSION)"

prices: ## fetch the prices of REGION=us-west-1 from the AWS Price List API (needs credentials)
	@$(SETUP) python && $(PY) -m ops prices --region "$(REGION)"

env: ## eval "$(make env)": a shell in which pulumi, aws and boto3 talk to the simulated account
	@$(SETUP) && $(LOCAL) env

setup: ## everything that the rest needs, below .venv and .local; quick when it is there
	@$(SETUP)

test: ## every test; none needs a cloud; ARGS=tests/relay runs some, WORKERS=0 in one process
	@$(SETUP) && $(PY) -m pytest -n $${WORKERS:-auto} --maxprocesses 4 $(ARGS)

bench: ## start, the edge, seeding and what one LiteLLM carries; ARGS="--part seeding" measures one
	@$(SETUP) && $(PY) -m bench $(ARGS)

lint: ## style and types
	@$(SETUP) python && .venv/bin/ruff check . && .venv/bin/ruff format --check . \
		&& PYRIGHT_PYTHON_CACHE_DIR="$$PWD/.local/cache" .venv/bin/pyright

lock: ## pin the newest versions that requirements/*.in allow
	@$(SETUP) python && sh requirements/lock.sh

clean: down ## also remove what set-up installed
	@rm -rf .venv .local && find . -name __pycache__ -type d -prune -exec rm -rf {} +
