"""Calls the program `mcp-fixtures` by the official client of Python: at a URL, or as a program over stdio.

    client.py http://127.0.0.1:8080/mcp
    client.py path/to/mcp-fixtures
"""

import asyncio
import sys

from mcp import Client, StdioServerParameters
from mcp.types import PromptReference

# How a connection begins, and the revision that comes of it.
MODES = {"legacy": "2025-11-25", "auto": "2026-07-28"}


def server(where):
    if where.startswith("http"):
        return where
    environment = {"DATABASE_URL": "sqlite::memory:", "LOG_LEVEL": "warn"}
    return StdioServerParameters(command=where, args=["mcp"], env=environment)


async def tools(client):
    listed = {tool.name: tool for tool in (await client.list_tools()).tools}
    greet = listed["greet"]
    assert greet.description, greet
    assert greet.annotations.read_only_hint is True, greet
    assert greet.input_schema["properties"]["name"]["default"] == "World", greet
    assert greet.output_schema is not None, greet

    # The client compares what is structured with the schema of the list. Older revisions know objects only.
    for arguments, text in [({"name": "Ada"}, "Hello, Ada!"), (None, "Hello, World!")]:
        result = await client.call_tool("greet", arguments)
        assert not result.is_error, result
        structured = text if client.protocol_version >= "2026" else {"result": text}
        assert result.structured_content == structured, result
        assert (result.content[0].type, result.content[0].text) == ("text", text), result

    # A model reads what is wrong, and mends its call.
    for arguments, named in [({"name": 7}, "name"), ({"nam": "Ada"}, "nam")]:
        wrong = await client.call_tool("greet", arguments)
        assert wrong.is_error is True, wrong
        assert named in wrong.content[0].text, wrong
    failed = await client.call_tool("test_error_handling")
    assert failed.is_error is True, failed
    assert "intentionally" in failed.content[0].text, failed

    picture = (await client.call_tool("test_image_content")).content[0]
    assert (picture.type, picture.mime_type) == ("image", "image/png"), picture


async def progress(client):
    seen = []

    async def note(progress, total, message):
        seen.append((progress, total, message))

    result = await client.call_tool("test_tool_with_progress", progress_callback=note)
    assert not result.is_error, result
    assert seen == [(step, 100, "working") for step in (0, 50, 100)], seen


async def resources(client):
    listed = {resource.uri: resource for resource in (await client.list_resources()).resources}
    assert "test://static-text" in map(str, listed), listed
    text = (await client.read_resource("test://static-text")).contents[0]
    assert (text.mime_type, text.text) == (
        "text/plain",
        "This is the content of the static text resource.",
    ), text
    picture = (await client.read_resource("test://static-binary")).contents[0]
    assert picture.mime_type == "image/png" and picture.blob.startswith("iVBORw0KGgo"), picture


async def prompts(client):
    listed = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
    declared = [(argument.name, argument.required) for argument in listed["test_prompt_with_arguments"].arguments]
    assert declared == [("arg1", True), ("arg2", True)], declared
    got = await client.get_prompt("test_prompt_with_arguments", {"arg1": "hello", "arg2": "you"})
    assert got.messages[0].role == "user", got
    assert got.messages[0].content.text == "Prompt with arguments: arg1='hello', arg2='you'", got

    reference = PromptReference(name="test_prompt_with_arguments")
    completion = (await client.complete(reference, {"name": "arg1", "value": "he"})).completion
    assert completion.values == ["hello"], completion


async def main(where):
    for mode, revision in MODES.items():
        async with Client(server(where), mode=mode, read_timeout_seconds=30) as client:
            assert client.protocol_version == revision, client.protocol_version
            assert client.server_info.name == "mcp-fixtures", client.server_info
            for part in (tools, progress, resources, prompts):
                await part(client)
    print("ok")


asyncio.run(main(sys.argv[1]))
