"""The one error that the demo shows people: a sentence that says what is wrong and what to do."""


class CannotStartError(Exception):
    """A part of the demo cannot start; the message is one sentence for a person."""
