"""The demo's S3, Redis and chain: real answers, honest refusals, and what survives a restart."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import redis.asyncio as redis
from botocore.exceptions import ClientError
from web3 import AsyncWeb3
from web3.exceptions import ContractLogicError

from demo.platform import chain as chain_module
from demo.platform.chain import ChainNode, artifact, web3_at
from demo.platform.redis import RedisServer
from demo.platform.s3 import BUCKET, PORTS_NEEDED, Keys, ObjectStore
from demo.ports import free_ports, is_free
from tests.servers import free_port

IMPLEMENTATION_SLOT = int("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc", 16)


def test_an_object_comes_back_as_it_was_put(s3_server: ObjectStore):
    client = s3_server.client()
    client.put_object(Bucket=BUCKET, Key="round/trip", Body=b"content", ChecksumAlgorithm="SHA256")
    assert client.get_object(Bucket=BUCKET, Key="round/trip")["Body"].read() == b"content"


def test_the_bucket_can_lock_objects(s3_server: ObjectStore):
    lock = s3_server.client().get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"]
    assert lock["ObjectLockEnabled"] == "Enabled"


def test_a_wrong_secret_and_a_wrong_checksum_are_refused(s3_server: ObjectStore):
    stranger = ObjectStore(s3_server.folder, s3_server.ports, Keys("test-access-key", "wrong"), s3_server.log)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.client().list_objects_v2(Bucket=BUCKET)
    wrong = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    with pytest.raises(ClientError):
        s3_server.client().put_object(Bucket=BUCKET, Key="wrong", Body=b"not empty", ChecksumSHA256=wrong)


async def test_objects_survive_a_restart_of_s3_and_its_ports_are_free_in_between(server_folder: Path):
    ports = free_ports(PORTS_NEEDED)
    store = ObjectStore(server_folder / "s3-restart", ports, Keys("key", "secret"), server_folder / "s3-restart.log")
    await store.start()
    store.client().put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    await store.stop()
    assert all(is_free(port) for port in ports)
    assert socket_files(ports) == []
    await store.start()
    try:
        assert store.client().get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"kept"
    finally:
        await store.stop()


def socket_files(ports: list[int]) -> list[Path]:
    return [path for port in ports for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]  # noqa: S108 - its choice


async def test_redis_keeps_its_keys_over_a_restart(server_folder: Path):
    server = RedisServer(server_folder / "redis-restart", free_port(), server_folder / "redis-restart.log")
    await server.start()
    async with redis.from_url(server.url) as client:
        await client.set("kept", "yes")
    await server.stop()
    await server.start()
    async with redis.from_url(server.url) as client:
        assert await client.get("kept") == b"yes"
    await server.stop()


@pytest.fixture(params=["eth-tester", "anvil"])
def node(request: pytest.FixtureRequest, server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> ChainNode:
    """A chain that has not started, of each engine that this machine has."""
    found = chain_module.find_anvil()
    if request.param == "anvil" and found is None:
        pytest.skip("anvil is not installed here (npm package @foundry-rs/anvil-linux-amd64 in .tools)")
    monkeypatch.setattr(chain_module, "find_anvil", lambda: found if request.param == "anvil" else None)
    name = f"chain-{request.param}"
    return ChainNode(server_folder / name, free_port(), server_folder / f"{name}.log")


async def test_a_chain_answers_web3_and_has_a_skill_profile_behind_a_proxy(node: ChainNode):
    await node.start()
    try:
        deployed = await node.skill_profile()
        async with web3_at(node.url) as w3:
            assert await w3.eth.chain_id == 31337
            await the_latest_block_is_fresh(w3)
            slot = await w3.eth.get_storage_at(w3.to_checksum_address(deployed.address), IMPLEMENTATION_SLOT)
            assert "0x" + bytes(slot)[-20:].hex() == deployed.implementation.lower()
            await the_profiles_are_there(w3, deployed.address)
        again = await node.skill_profile()
        assert again == deployed
    finally:
        await node.stop()


async def the_latest_block_is_fresh(w3: AsyncWeb3) -> None:
    block = await w3.eth.get_block("latest")
    assert abs(time.time() - block["timestamp"]) < 60
    assert await w3.eth.block_number >= block["number"] > 0


async def the_profiles_are_there(w3: AsyncWeb3, address: str) -> None:
    contract = w3.eth.contract(address=w3.to_checksum_address(address), abi=artifact("SkillProfile")["abi"])
    assert await contract.functions.totalProfiles().call() == 5
    accounts = await w3.eth.accounts
    name, _, _, created_at, updated_at, exists = await contract.functions.getProfile(accounts[4]).call()
    assert (name, exists, created_at) == ("田中", True, updated_at)
    with pytest.raises(ContractLogicError):
        await contract.functions.createProfile("again", "", "").call({"from": accounts[4]})
    logs = await contract.events.ProfileCreated().get_logs(from_block=0)
    assert [log["args"]["name"] for log in logs][:2] == ["Aiko", "Bela Bartók"]


async def test_an_unknown_method_and_wrong_parameters_get_an_error_of_json_rpc(node: ChainNode):
    await node.start()
    try:
        async with web3_at(node.url) as w3:
            unknown = await w3.provider.make_request("eth_noSuchThing", [])
            assert unknown["error"]["code"] == -32601
            wrong = await w3.provider.make_request("eth_getCode", ["nonsense", "latest"])
            assert wrong["error"]["code"] == -32602
            missing = await w3.provider.make_request("eth_getTransactionReceipt", ["0x" + "00" * 32])
            assert missing["result"] is None
    finally:
        await node.stop()


def test_the_committed_artifacts_are_what_the_sources_compile_to():
    folder = chain_module.PROJECT / ".tools"
    node = shutil.which("node")
    if not (folder / "node_modules" / "solc").exists() or node is None:
        pytest.skip("npm's solc is not installed here (npm install --prefix .tools solc@0.8.37)")
    script = chain_module.ARTIFACTS.parent / "compile.js"
    compiled = subprocess.check_output([node, script, folder], text=True)
    assert json.loads(compiled) == json.loads(chain_module.ARTIFACTS.read_text())
