// Calls the program `mcp-fixtures` by the official clients of JavaScript, of both generations: at a URL, or as a program over
// stdio. NODE_PATH says where they are installed.
//
//     client.mjs http://127.0.0.1:8080/mcp
//     client.mjs path/to/mcp-fixtures

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const first = {
  ...require("@modelcontextprotocol/sdk/client/index.js"),
  ...require("@modelcontextprotocol/sdk/client/stdio.js"),
  ...require("@modelcontextprotocol/sdk/client/streamableHttp.js"),
};
const second = {
  ...require("@modelcontextprotocol/client"),
  ...require("@modelcontextprotocol/client/stdio"),
};

// A client, how it begins a connection, and the revision that comes of it.
const ways = [
  [first, {}, "2025-11-25"],
  [second, { supportedProtocolVersions: ["2025-03-26"] }, "2025-03-26"],
  [second, { supportedProtocolVersions: ["2025-06-18"] }, "2025-06-18"],
  [second, { supportedProtocolVersions: ["2025-11-25"] }, "2025-11-25"],
  [second, { versionNegotiation: { mode: "auto" } }, "2026-07-28"],
];

const where = process.argv[2];

function transport(sdk) {
  if (where.startsWith("http")) {
    return new sdk.StreamableHTTPClientTransport(new URL(where));
  }
  const env = { DATABASE_URL: "sqlite::memory:", LOG_LEVEL: "warn" };
  return new sdk.StdioClientTransport({ command: where, args: ["mcp"], env });
}

// What comes before the call of a tool is that of its generation.
function caller(sdk, client) {
  return sdk === first
    ? (params, options) => client.callTool(params, undefined, options)
    : (params, options) => client.callTool(params, options);
}

async function tools(client, call, revision) {
  const { tools } = await client.listTools();
  const greet = tools.find((tool) => tool.name === "greet");
  assert.ok(greet.description);
  assert.equal(greet.annotations.readOnlyHint, true);
  assert.equal(greet.inputSchema.properties.name.default, "World");
  assert.ok(greet.outputSchema);

  // The client compares what is structured with the schema of the list. Older revisions know objects only.
  for (const [args, text] of [[{ name: "Ada" }, "Hello, Ada!"], [{}, "Hello, World!"]]) {
    const result = await call({ name: "greet", arguments: args });
    assert.ok(!result.isError, JSON.stringify(result));
    assert.deepEqual(result.structuredContent, revision >= "2026" ? text : { result: text });
    assert.deepEqual(result.content, [{ type: "text", text }]);
  }

  // A model reads what is wrong, and mends its call.
  for (const [args, named] of [[{ name: 7 }, /name/], [{ nam: "Ada" }, /nam/]]) {
    const wrong = await call({ name: "greet", arguments: args });
    assert.equal(wrong.isError, true);
    assert.match(wrong.content[0].text, named);
  }
  const failed = await call({ name: "test_error_handling", arguments: {} });
  assert.equal(failed.isError, true);
  assert.match(failed.content[0].text, /intentionally/);

  const { content } = await call({ name: "test_image_content", arguments: {} });
  assert.deepEqual([content[0].type, content[0].mimeType], ["image", "image/png"]);
}

async function progress(client, call) {
  const seen = [];
  const result = await call(
    { name: "test_tool_with_progress", arguments: {} },
    { onprogress: ({ progress, total, message }) => seen.push([progress, total, message]) },
  );
  assert.ok(!result.isError, JSON.stringify(result));
  assert.deepEqual(seen, [0, 50, 100].map((step) => [step, 100, "working"]));
}

async function resources(client) {
  const { resources } = await client.listResources();
  assert.ok(resources.some(({ uri }) => uri === "test://static-text"), JSON.stringify(resources));
  const [text] = (await client.readResource({ uri: "test://static-text" })).contents;
  assert.equal(text.mimeType, "text/plain");
  assert.equal(text.text, "This is the content of the static text resource.");
  const [picture] = (await client.readResource({ uri: "test://static-binary" })).contents;
  assert.equal(picture.mimeType, "image/png");
  assert.ok(picture.blob.startsWith("iVBORw0KGgo"));
}

async function prompts(client) {
  const name = "test_prompt_with_arguments";
  const { prompts } = await client.listPrompts();
  const declared = prompts.find((prompt) => prompt.name === name).arguments;
  assert.deepEqual(
    declared.map((argument) => [argument.name, argument.required]),
    [["arg1", true], ["arg2", true]],
  );
  const { messages } = await client.getPrompt({ name, arguments: { arg1: "hello", arg2: "you" } });
  assert.equal(messages[0].role, "user");
  assert.equal(messages[0].content.text, "Prompt with arguments: arg1='hello', arg2='you'");

  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name },
    argument: { name: "arg1", value: "he" },
  });
  assert.deepEqual(completion.values, ["hello"]);
}

for (const [sdk, options, revision] of ways) {
  const client = new sdk.Client({ name: "client.mjs", version: "1.0.0" }, options);
  const connection = transport(sdk);
  await client.connect(connection);
  const negotiated = client.getNegotiatedProtocolVersion?.() ?? connection.protocolVersion;
  if (negotiated !== undefined) {
    assert.equal(negotiated, revision);
  }
  assert.equal(client.getServerVersion().name, "mcp-fixtures");
  const call = caller(sdk, client);
  for (const part of [tools, progress, resources, prompts]) {
    await part(client, call, revision);
  }
  await client.close();
}
console.log("ok");
