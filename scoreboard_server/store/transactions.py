"""All of it or nothing: one transaction, however often it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ..flow.ports import StoreUnavailable
from ..rules.acts import Act
from .documents import AUDIT, Document, act_document
from .reaching import reaching

MAJORITY = WriteConcern("majority", j=True)
SNAPSHOT = ReadConcern("snapshot")
WRITE_CONFLICT = 112

Work = Callable[[AsyncIOMotorClientSession], Coroutine[Any, Any, None]]
# So long for a store that does not answer.
_PATIENCE_S = 20.0
_PAUSE_S = 0.05


async def at_once(database: AsyncIOMotorDatabase[Document], work: Work) -> None:
    """Run `work` in a transaction; begun again by the driver when it meets another one.

    That of a process that was killed may stand in the way until the server gives it up, after a minute or so;
    the driver tries for two. Raises what `work` raises, and nothing was done; or StoreUnavailable, and nobody
    knows whether it was.
    """

    async def patient_work(session: AsyncIOMotorClientSession) -> None:
        try:
            await work(session)
        except OperationFailure as error:
            if error.code == WRITE_CONFLICT:  # so the store is there
                patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE_S)
                await asyncio.sleep(_PAUSE_S)
            raise

    try:
        with reaching():
            async with (
                asyncio.timeout(_PATIENCE_S) as patience,
                await database.client.start_session() as session,
            ):
                await session.with_transaction(patient_work, read_concern=SNAPSHOT, write_concern=MAJORITY)
    except TimeoutError:
        raise StoreUnavailable("it has not said whether it was done; look before you repeat it") from None


async def note(
    database: AsyncIOMotorDatabase[Document], act: Act, session: AsyncIOMotorClientSession
) -> None:
    """Write the act into the audit trail, with whatever else the transaction does."""
    await database[AUDIT].insert_one(act_document(act), session=session)
