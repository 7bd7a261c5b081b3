"""FastAPI with typed settings that reload: CONFIG=folder uvicorn --app-dir examples config_fastapi:app"""

import asyncio
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import BaseModel

from frozen.config import Config, Directory


class Settings(BaseModel, frozen=True):
    limits: dict[str, int]
    texts: dict[str, int]


config = Config(Directory(os.environ["CONFIG"]), schema=Settings)  # a folder as Kubernetes mounts it


async def follow() -> None:
    async for version in config.changes():
        app.state.slots = version.model.limits["release"]  # what depends on the configuration is made anew here


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with config, asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow())
        yield
        following.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def index() -> dict[str, int]:
    settings = config.model  # one version, for all of this request
    return {"pid": os.getpid(), "limits": settings.limits["release"], "texts": settings.texts["release"]}
