"""The floor under LiteLLM: the same server (uvicorn, one worker) and framework, with an answer that is there
already. Runs in LiteLLM's own environment, which has them."""

# pyright: reportMissingImports=false, reportUntypedFunctionDecorator=false

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

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
