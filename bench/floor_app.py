"""The floor under LiteLLM: the same server (uvicorn, one worker) and framework, with an answer that is there
already. Runs in LiteLLM's own environment, which has them."""

from fastapi import FastAPI, Request  # pyright: ignore[reportMissingImports]
from fastapi.responses import JSONResponse  # pyright: ignore[reportMissingImports]

app = FastAPI()
ANSWER = {
    "id": "chatcmpl-0",
    "object": "chat.completion",
    "model": "canned",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
}


@app.get("/health/readiness")
async def ready() -> dict[str, str]:
    return {"status": "healthy"}


@app.post("/v1/chat/completions")
async def completion(request: Request) -> JSONResponse:
    await request.json()
    return JSONResponse(ANSWER)
