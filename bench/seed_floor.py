"""The floor of seeding: a bare async client, straight at LiteLLM, with nothing to look up, compare or remember.

Run by LiteLLM's own Python, which has aiohttp: reads `{url, master_key, stem, count}` as JSON from its input and prints
the seconds that seeding and deleting took. Users go by the bulk endpoints, and keys, for which there is none, with as
many calls at once as LiteLLM gets faster by.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp  # pyright: ignore[reportMissingImports]  # in LiteLLM's environment, not in this one

AT_ONCE = 8
BULK = 500


async def seed(call: Any, stem: str, count: int) -> None:
    users = [
        {"user_id": f"{stem}-{n}", "user_email": f"{stem}-{n}@example.com", "user_role": "internal_user"}
        | {
            "max_budget": 50.0,
            "budget_duration": "1mo",
            "models": ["claude-haiku-4-5"],
            "metadata": {"managed_by": stem},
        }
        for n in range(count)
    ]
    keys = [
        {"key": f"sk-{stem}-{n:08}", "key_alias": f"{stem}-{n}", "key_type": "llm_api", "user_id": f"{stem}-{n}"}
        | {"max_budget": 20.0, "budget_duration": "1mo", "metadata": {"managed_by": stem}}
        for n in range(count)
    ]
    bulk = [call("/management/v1/users/bulk", {"users": users[at : at + BULK]}) for at in range(0, count, BULK)]
    for answer in await asyncio.gather(*bulk):
        assert answer["meta"]["failed"] == 0
    await asyncio.gather(*(call("/key/generate", key) for key in keys))


async def delete(call: Any, stem: str, count: int) -> None:
    aliases = [f"{stem}-{n}" for n in range(count)]
    # one after the other: at eight times a hundred keys at once LiteLLM's transactions run out of time (500)
    for at in range(0, count, 100):
        await call("/key/delete", {"key_aliases": aliases[at : at + 100]})
    users = [
        call("/management/v1/users/bulk_delete", {"user_ids": aliases[at : at + BULK]}) for at in range(0, count, BULK)
    ]
    await asyncio.gather(*users)


async def main() -> None:
    wanted = json.load(sys.stdin)
    limit = asyncio.Semaphore(AT_ONCE)
    headers = {"Authorization": f"Bearer {wanted['master_key']}"}
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(wanted["url"], headers=headers, connector=connector) as session:

        async def call(path: str, body: Any) -> Any:
            async with limit, session.post(path, json=body) as answer:
                answer.raise_for_status()
                return await answer.json()

        began = time.monotonic()
        await seed(call, wanted["stem"], wanted["count"])
        seeded = time.monotonic()
        await delete(call, wanted["stem"], wanted["count"])
        print(json.dumps({"seed": seeded - began, "delete": time.monotonic() - seeded}))


if __name__ == "__main__":
    asyncio.run(main())
