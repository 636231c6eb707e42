"""Making a fresh `mongod` a writable primary with its one user; every step may have been done before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from .data_dir import USER, DataDir, EmbeddedError
from .mongod_process import REPLICA_SET, MongodProcess

_POLL_S = 0.02
_UNAUTHORIZED, _AUTHENTICATION_FAILED = 13, 18
_ALREADY_INITIALIZED, _NOT_A_MEMBER, _NOT_YET_INITIALIZED = 23, 93, 94

_Admin = AsyncIOMotorDatabase[dict[str, Any]]


async def make_ready(child: MongodProcess, port: int, folder: DataDir) -> None:
    """Make it a writable primary that has its user. Raises EmbeddedError when it can't become one."""
    while True:
        try:
            return await _configure(port, folder.password())
        except ConnectionFailure:
            child.raise_if_ended()
            await asyncio.sleep(_POLL_S)
        except OperationFailure as error:
            if error.code == _UNAUTHORIZED:
                words = f"The password in {folder.password_file} is not the one this database was made with."
                raise EmbeddedError(words) from None
            raise child.failure(f"refused to be set up ({(error.details or {}).get('errmsg')})") from None
        except PyMongoError as error:
            raise child.failure(f"could not be set up ({type(error).__name__})") from error


async def _configure(port: int, password: str) -> None:
    """Do what is still missing; every step may have been done by a start that was cut short."""
    async with _connect(port, USER, password) as admin:
        if await _is_let_in(admin):
            await _become_primary(admin, port)
            return
    # While there is no user at all, mongod lets a local client set up the replica set and the first user.
    async with _connect(port) as admin:
        await _become_primary(admin, port)
        durably = {"w": "majority", "j": True}
        await admin.command("createUser", USER, pwd=password, roles=["root"], writeConcern=durably)


@contextlib.asynccontextmanager
async def _connect(
    port: int, username: str | None = None, password: str | None = None
) -> AsyncIterator[_Admin]:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        "127.0.0.1",
        port,
        directConnection=True,
        serverSelectionTimeoutMS=2_000,
        connectTimeoutMS=2_000,
        socketTimeoutMS=10_000,
        username=username,
        password=password,
    )
    try:
        yield client.admin
    finally:
        # It says goodbye to the server first, and would hold the event loop up when that has just died.
        await asyncio.to_thread(client.close)


async def _is_let_in(admin: _Admin) -> bool:
    try:
        await admin.command("ping")
    except OperationFailure as error:
        if error.code != _AUTHENTICATION_FAILED:
            raise
        return False
    return True


async def _become_primary(admin: _Admin, port: int) -> None:
    while not (await admin.command("hello")).get("isWritablePrimary"):
        await _repair_membership(admin, port)
        await asyncio.sleep(_POLL_S)


async def _repair_membership(admin: _Admin, port: int) -> None:
    """Give a node without a place in a replica set its place; leave one that is about to be elected alone."""
    config = {
        "_id": REPLICA_SET,
        "version": 1,
        "members": [{"_id": 0, "host": f"127.0.0.1:{port}"}],
        "settings": {"electionTimeoutMillis": 1_000},
    }
    try:
        await admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            await _initiate(admin, config)
        elif error.code == _NOT_A_MEMBER:  # its configuration names a port that it had to leave
            await admin.command("replSetReconfig", config, force=True)
        else:
            raise


async def _initiate(admin: _Admin, config: dict[str, Any]) -> None:
    try:
        await admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:  # which also means: its configuration is still being loaded
            raise
