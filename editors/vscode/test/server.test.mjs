import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { LPMC, MODEL, NO_LPMC, folder, settings } from "./lpmc.mjs";

const require = createRequire(import.meta.url);
const { server } = require("../dist/configuration.js");
const lsp = require("vscode-languageserver-protocol/node");

/** The server as the extension starts it, with a connection that reads and writes its standard streams. */
function started() {
  const { command, args } = server(settings);
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const connection = lsp.createProtocolConnection(
    new lsp.StreamMessageReader(child.stdout),
    new lsp.StreamMessageWriter(child.stdin),
  );
  const found = [];
  let heard = () => {};
  connection.onNotification(lsp.PublishDiagnosticsNotification.type, (told) => {
    found.push(told);
    heard();
  });
  connection.onRequest(lsp.RegistrationRequest.type, () => undefined);
  connection.onRequest(lsp.ConfigurationRequest.type, ({ items }) => items.map(() => null));
  connection.listen();
  const until = async (test) => {
    while (!found.some(test)) await new Promise((resolve) => (heard = resolve));
    return found.findLast(test);
  };
  return { child, connection, until };
}

test("the server is started by the settings and tells what is wrong in a text", { skip: NO_LPMC, timeout: 120_000 }, async () => {
  const { child, connection, until } = started();
  const at = folder();
  const uri = pathToFileURL(`${at}/town.lpm`).href;
  const capabilities = { textDocument: { publishDiagnostics: { relatedInformation: true } } };
  const folders = [{ uri: pathToFileURL(at).href, name: "work" }];
  const params = { processId: process.pid, rootUri: folders[0].uri, workspaceFolders: folders, capabilities };
  const { capabilities: able } = await connection.sendRequest(lsp.InitializeRequest.type, params);
  assert.ok(able.textDocumentSync, "the server follows texts");
  await connection.sendNotification(lsp.InitializedNotification.type, {});
  const wrong = MODEL.replace("on town", "on twon");
  writeFileSync(`${at}/town.lpm`, wrong);
  const textDocument = { uri, languageId: "lpm", version: 1, text: wrong };
  await connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument });
  const told = await until(({ diagnostics }) => diagnostics.length > 0);
  assert.equal(told.uri, uri);
  assert.match(told.diagnostics[0].message, /twon/);
  assert.match(String(told.diagnostics[0].code), /^E\d{4}$/);
  assert.equal(told.diagnostics[0].range.start.line, wrong.split("\n").findIndex((line) => line.includes("twon")));
  const change = { textDocument: { uri, version: 2 }, contentChanges: [{ text: MODEL }] };
  await connection.sendNotification(lsp.DidChangeTextDocumentNotification.type, change);
  await until(({ diagnostics }) => diagnostics.every(({ severity }) => severity !== lsp.DiagnosticSeverity.Error));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  await connection.sendRequest(lsp.ShutdownRequest.type);
  await connection.sendNotification(lsp.ExitNotification.type);
  assert.equal(await ended, 0);
});

test("a place in the settings is filled in, and a file is one word whatever it is called", () => {
  const { program, run, watch } = require("../dist/configuration.js");
  const own = { path: "${workspaceFolder}/.venv/bin/lpmc", runArguments: ["--seed", "2"], previewArguments: [] };
  assert.equal(program(own, "/home/ada/flu"), "/home/ada/flu/.venv/bin/lpmc");
  assert.equal(program({ ...own, path: " " }, "/home/ada/flu"), "lpmc");
  assert.deepEqual(run(own, "--out=x; rm.lpm").args, ["run", "--seed", "2", "--", "--out=x; rm.lpm"]);
  assert.deepEqual(watch(own, "a b.lpm").args, ["watch", "--no-browser", "--", "a b.lpm"]);
  assert.ok(LPMC !== "");
});
