"""`python -m demo.platform.chain_server --port N`: eth-tester behind a JSON-RPC port, for machines without anvil."""

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import BlockNotFound, TransactionFailed, TransactionNotFound, ValidationError
from web3 import EthereumTesterProvider, Web3
from web3.middleware import combine_middleware
from web3.types import RPCEndpoint

from demo.ports import HOST

CHAIN_ID = 31337
BLOCK_SECONDS = 4
_WRITING = {"eth_sendTransaction", "eth_sendRawTransaction"}
_INVALID_PARAMS, _SERVER_ERROR, _REVERTED = -32602, -32000, 3


class Chain:
    """One in-memory chain; every transaction is mined at once, and an empty block now and then keeps it fresh."""

    def __init__(self) -> None:
        backend = PyEVMBackend()
        backend.chain.chain_id = CHAIN_ID
        self.tester = EthereumTester(backend)
        provider = EthereumTesterProvider(self.tester)
        self._respond: Callable[[RPCEndpoint, Any], Any] = combine_middleware(
            middleware=provider._middleware,  # noqa: SLF001 - it turns JSON-RPC's names into eth-tester's; not offered otherwise
            w3=Web3(provider),
            provider_request_fn=provider.make_request,
        )
        self._own: dict[str, Any] = {
            "eth_chainId": hex(CHAIN_ID),
            "net_version": str(CHAIN_ID),
            "eth_syncing": False,
            "net_listening": True,
        }

    def mine(self) -> None:
        """One block whose timestamp is now; eth-tester stamps a block when its predecessor is mined."""
        self._stamp()
        self.tester.mine_block()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON-RPC response for one request."""
        method, reply = request.get("method"), {"jsonrpc": "2.0", "id": request.get("id")}
        if not isinstance(method, str):
            return reply | {"error": {"code": -32600, "message": "a request names its method"}}
        if method in self._own:
            return reply | {"result": self._own[method]}
        return reply | self._ask(method, request.get("params") or [])

    def _ask(self, method: str, params: list[Any]) -> dict[str, Any]:
        if method in _WRITING:
            self._stamp()
        try:
            response = self._respond(RPCEndpoint(method), params)
        except (BlockNotFound, TransactionNotFound):
            return {"result": None}
        except TransactionFailed as error:
            return {"error": {"code": _REVERTED, "message": str(error), "data": "0x"}}
        except (ValidationError, TypeError, ValueError, IndexError, KeyError) as error:
            return {"error": {"code": _INVALID_PARAMS, "message": f"{type(error).__name__}: {error}"}}
        if "error" in response:
            return {"error": response["error"]}
        return {"result": _to_json(response["result"])}

    def _stamp(self) -> None:
        chain = self.tester.backend.chain
        chain.header = chain.header.copy(timestamp=max(chain.header.timestamp, int(time.time())))


def _to_json(value: Any) -> Any:
    """Quantities and bytes as JSON-RPC writes them: 0x and hexadecimal."""
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return "0x" + bytes(value).hex()
    return hex(value) if isinstance(value, int) and not isinstance(value, bool) else value


def application(chain: Chain) -> web.Application:
    """The JSON-RPC port; a batch is answered in its order."""

    async def handle(request: web.Request) -> web.Response:
        try:
            body = await request.json()
        except json.JSONDecodeError:
            return web.json_response({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "not JSON"}})
        answer = [chain.answer(one) for one in body] if isinstance(body, list) else chain.answer(body)
        return web.json_response(answer)

    async def miner(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(_mine_forever(chain))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/", handle)
    app.cleanup_ctx.append(miner)
    return app


async def _mine_forever(chain: Chain) -> None:
    while True:
        chain.mine()
        await asyncio.sleep(BLOCK_SECONDS)


def main() -> None:
    """Serve until a signal ends us."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    web.run_app(application(Chain()), host=HOST, port=parser.parse_args().port, print=None)


if __name__ == "__main__":
    main()
