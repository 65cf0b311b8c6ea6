"""Cases that are not sent, because what they claim about the answer is not so."""

import itertools
import re

import schemathesis

KEYS = itertools.count()
TAGS = re.compile(r'^(\*|(W/)?"[^"]*"( *, *(W/)?"[^"]*")*)$')
ULID = re.compile("^[0-7][0-9A-HJKMNP-TV-Z]{25}$")


@schemathesis.hook
def filter_case(context, case):
    return not (is_null_body(case) or names_a_parent(case) or has_other_metadata(case) or is_far(case) or places_twice(case) or has_a_span(case) or names_no_job(case) or loses_its_type(case) or has_impossible_number(case.body))


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key that comes again with other parameters is refused, and the same few are made up again and again.

    Values of `If-None-Match` that do not match its pattern are made up as valid ones, too: they are left out."""
    headers = case.headers or {}
    for name in list(headers):
        if name.lower() == "if-none-match" and is_valid(case) and not TAGS.match(str(headers[name])):
            del headers[name]
            continue
        if name.lower() == "idempotency-key" and re.match("^[!-~]{1,200}$", str(headers[name])):
            headers[name] = f"{headers[name]}-{next(KEYS)}"


def is_valid(case):
    """Whether this is made up to be accepted."""
    return case.meta is not None and case.meta.generation.mode.is_positive


def is_null_body(case):
    """A body of `null` is taken like no body at all; the schema only shows the plain way."""
    return case.operation.path.endswith(("/$execute", "/$submit")) and case.body is None


def places_twice(case):
    """A place in a list and the number of a page exclude each other, which no schema can say."""
    query = case.query if isinstance(case.query, dict) else {}
    return any(name in query for name in ("after", "before")) and any(name in query for name in ("page", "size"))


def has_a_span(case):
    """A span ends after it has begun, and has not too many steps, which no schema can say."""
    query = case.query if isinstance(case.query, dict) else {}
    return case.operation.path.endswith("/$history") and is_valid(case) and any(name in query for name in ("from", "to"))


def names_no_job(case):
    """This option of a body asks for a header, which no schema can say."""
    has_key = any(name.lower() == "idempotency-key" for name in case.headers or {})
    return isinstance(case.body, dict) and case.body.get("again_after_failure") is True and not has_key


def names_a_parent(case):
    """A parent that is made up is not there and refused, which no schema can say."""
    given = [part.get("parent_id") for part in (case.query, case.body) if isinstance(part, dict)]
    return any(isinstance(parent, str) and ULID.match(parent) for parent in given)


def has_other_metadata(case):
    """The schema says that the text is a JSON object, which schemathesis does not heed in a query and in a form."""
    form = case.body if case.operation.path.endswith("/$upload") else None

    def is_other(part, may_be_empty):
        metadata = part.get("metadata") if isinstance(part, dict) else None
        if isinstance(metadata, bytes):
            metadata = metadata.decode(errors="replace")
        is_left_out = metadata is None or (metadata == "" and may_be_empty)
        return not is_left_out and not str(metadata).lstrip().startswith("{")

    # An input of a form may be left empty.
    return is_other(case.query, False) or is_other(form, True)


def loses_its_type(case):
    """In a form everything is text: a wrong type is a right one by the time it arrives."""

    def has_other_than_text(value):
        if isinstance(value, dict):
            return any(map(has_other_than_text, value.values()))
        if isinstance(value, list):
            return any(map(has_other_than_text, value))
        return not isinstance(value, (str, bytes))

    is_form = case.operation.path.endswith("/$upload") and isinstance(case.body, dict)
    return is_form and has_other_than_text({key: value for key, value in case.body.items() if key != "file"})


def is_far(case):
    """A job may be ten years away, which no format of a date says."""
    at = case.body.get("scheduled_at") if isinstance(case.body, dict) else None
    return isinstance(at, str) and at[:4].isdigit() and not 1970 < int(at[:4]) < 2035


def has_impossible_number(value):
    """To JSON Schema, 5.0 is an integer; to serde it is a number with a fraction, and refused where an integer is wanted. And
    the formats int64 and uint64 say how large a number may be, which schemathesis does not know."""
    if isinstance(value, dict):
        return any(map(has_impossible_number, value.values()))
    if isinstance(value, list):
        return any(map(has_impossible_number, value))
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not -(2**63) <= value < 2**63
