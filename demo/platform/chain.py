"""A chain: anvil where this machine has it, else eth-tester, with a SkillProfile deployed behind an ERC-1967 proxy."""

import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from web3 import AsyncHTTPProvider, AsyncWeb3

from demo.children import Child, Program, spawn, stop
from demo.platform.chain_server import BLOCK_SECONDS, CHAIN_ID
from demo.ports import HOST, wait_for_port

ARTIFACTS = Path(__file__).parent / "contracts" / "artifacts.json"
PROJECT = Path(__file__).parent.parent.parent
NETWORK = "local"
_PEOPLE = (
    ("Aiko", "Builds pipelines that nobody has to watch."),
    ("Bela Bartók", "Writes contracts, and tests for them."),
    ("Chidi", "Has read every line of the indexer."),
    ("田中", "データベースの世話をしています。"),
    ("Esmé", ""),
)


@dataclass(frozen=True)
class Contract:
    """A deployed contract as people reach it: `address` is the proxy."""

    name: str
    address: str
    implementation: str
    transaction_hash: str


class ChainNode:
    """A node on a port. anvil keeps its chain in `folder`; eth-tester begins anew with every start."""

    def __init__(self, folder: Path, port: int, log: Path) -> None:
        self.folder = folder
        self.port = port
        self.log = log
        self.anvil = find_anvil()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def engine(self) -> str:
        return "anvil" if self.anvil else "eth-tester"

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = self._anvil_arguments(self.anvil) if self.anvil else self._tester_arguments()
        self.child = spawn(Program("chain", arguments, self.log, {}, folder=PROJECT))
        await wait_for_port(self.child, self.port, timedelta(seconds=30))

    async def stop(self) -> None:
        if self.child is not None:
            await stop(self.child, signal.SIGTERM)
            self.child = None

    async def skill_profile(self) -> Contract:
        """The SkillProfile of this chain, deployed with some profiles where it is not there yet."""
        note = self.folder / "metadata.json"
        async with web3_at(self.url) as w3:
            contract = _read_note(note)
            if contract is None or not await w3.eth.get_code(w3.to_checksum_address(contract.address)):
                contract = await _deploy(w3)
            note.write_text(json.dumps(self._metadata(contract), indent=1), encoding="utf-8")
        return contract

    def _metadata(self, contract: Contract) -> dict[str, Any]:
        """The file that tells tools which contracts there are, in the platform's own form."""
        entry = {
            "contractName": contract.name,
            "address": contract.address,
            "implementation": contract.implementation,
            "txHash": contract.transaction_hash,
            "abi": artifact(contract.name)["abi"],
        }
        return {"chains": [{"network": NETWORK, "chainId": CHAIN_ID, "rpc_url": self.url, "contracts": [entry]}]}

    def _anvil_arguments(self, anvil: Path) -> list[str | Path]:
        mining = ["--block-time", str(BLOCK_SECONDS), "--mixed-mining"]
        state = ["--state", str(self.folder / "anvil.json"), "--state-interval", "10"]
        return [
            anvil,
            "--host",
            HOST,
            "--port",
            str(self.port),
            "--chain-id",
            str(CHAIN_ID),
            *mining,
            *state,
            "--quiet",
        ]

    def _tester_arguments(self) -> list[str | Path]:
        return [sys.executable, "-m", "demo.platform.chain_server", "--port", str(self.port)]


@asynccontextmanager
async def web3_at(url: str) -> AsyncIterator[AsyncWeb3[Any]]:
    """A client of the node at this address, disconnected at the end."""
    provider = AsyncHTTPProvider(url)
    try:
        yield AsyncWeb3(provider)
    finally:
        await provider.disconnect()


def find_anvil() -> Path | None:
    """An anvil on PATH, or of npm's package under the project's .tools; None where there is none."""
    found = shutil.which("anvil")
    if found:
        return Path(found)
    packages = PROJECT / ".tools" / "node_modules" / "@foundry-rs"
    return next(iter(sorted(packages.glob("anvil-*/bin/anvil"))), None)


def artifact(name: str) -> dict[str, Any]:
    """The ABI and bytecode of a contract, compiled from the source beside it."""
    contracts: dict[str, dict[str, Any]] = json.loads(ARTIFACTS.read_text(encoding="utf-8"))["contracts"]
    return contracts[name]


async def _deploy(w3: AsyncWeb3[Any]) -> Contract:
    accounts = await w3.eth.accounts
    implementation, _ = await _create(w3, "SkillProfile")
    begin = implementation.encode_abi("initialize", [accounts[0]])
    proxy, transaction_hash = await _create(w3, "ERC1967Proxy", implementation.address, begin)
    skills = w3.eth.contract(address=proxy.address, abi=artifact("SkillProfile")["abi"])
    for number, (name, bio) in enumerate(_PEOPLE, start=1):
        call = skills.functions.createProfile(name, bio, f"ipfs://takumi-demo-{number}")
        sent = await call.transact({"from": accounts[number]})
        await w3.eth.wait_for_transaction_receipt(sent)
    return Contract("SkillProfile", str(proxy.address), str(implementation.address), transaction_hash)


async def _create(w3: AsyncWeb3[Any], name: str, *arguments: Any) -> tuple[Any, str]:
    """The deployed contract (web3 types it as an instance or a class) and the hash of its transaction."""
    compiled = artifact(name)
    factory = w3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    sent = await factory.constructor(*arguments).transact({"from": (await w3.eth.accounts)[0]})
    receipt = await w3.eth.wait_for_transaction_receipt(sent)
    return w3.eth.contract(address=receipt["contractAddress"], abi=compiled["abi"]), "0x" + bytes(sent).hex()


def _read_note(path: Path) -> Contract | None:
    if not path.exists():
        return None
    entry = json.loads(path.read_text(encoding="utf-8"))["chains"][0]["contracts"][0]
    return Contract(entry["contractName"], entry["address"], entry["implementation"], entry["txHash"])
