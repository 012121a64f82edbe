"""What the process that every pbxd is forked from has imported, and is not looked through for garbage."""

import gc

import aiosqlite  # noqa: F401
import phonenumbers.carrier
import phonenumbers.geocoder  # noqa: F401
import pydantic.v1  # noqa: F401
import uvicorn.lifespan.off  # noqa: F401
import uvloop  # noqa: F401

import pbxd.app
import pbxd.cli
import pbxd.settings.load  # noqa: F401
from tests.e2e import warm  # noqa: F401

gc.collect()
gc.freeze()
