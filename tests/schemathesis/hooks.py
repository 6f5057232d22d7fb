"""A check of our own: a request that the description allows is not refused by the schema that describes it."""

import json
import re

import schemathesis

# How packages/api/src/validation.ts says what is wrong; rules beyond schemas have other words.
COMPLAINT = re.compile(r"^[^\s\"]+ (must be|is missing|is no token id)")


@schemathesis.check
def described_as_validated(ctx, response, case):
    generation = case.meta.generation if case.meta else None
    if response.status_code != 400 or generation is None or not generation.mode.is_positive:
        return
    error = json.loads(response.text)["error"]
    message = error["message"] if isinstance(error, dict) else error
    assert not COMPLAINT.match(message), f"The description allows what is refused: {message}"
