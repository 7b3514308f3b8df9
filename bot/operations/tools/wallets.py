"""Whose wallet signed typed data (EIP-712)."""

from collections.abc import Mapping
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from bot.domain.errors import Refused, RequestError

_SIGNATURE_BYTES = 65
# Of every signature there is a second one with the other half's s: only the low one is a signature here.
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_HINT = "Paste what `cast wallet sign --data --from-file` printed: 0x and 130 hex digits."


class WalletSignatures:
    """Recovers signers; knows no keys."""

    def signer(self, typed: Mapping[str, Any], signature: str) -> str:
        # A third of the bot's start would go into this import, which few ever need.
        from eth_account import Account  # noqa: PLC0415
        from eth_account.messages import encode_typed_data  # noqa: PLC0415

        raw = _read(signature)
        if int.from_bytes(raw[32:64], "big") > _HALF_ORDER:
            raise Refused("This signature has a high s: it can be changed without the key.", hint=_HINT)
        try:
            found: str = Account.recover_message(encode_typed_data(full_message=dict(typed)), signature=raw)
        except Exception as error:
            raise Refused("This is no signature of that request.", hint=_HINT) from error
        return found

    def address(self, text: str) -> str:
        if not is_address(text):
            raise RequestError(f"{text!r} is no wallet's address.", hint="An address is 0x and 40 hex digits.")
        return to_checksum_address(text)


def _read(signature: str) -> bytes:
    try:
        raw = bytes.fromhex(signature.strip().removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != _SIGNATURE_BYTES:
        raise Refused("This is no signature.", hint=_HINT)
    return raw
