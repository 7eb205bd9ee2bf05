import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { test } from "node:test";
import { LPMC, MODEL, NO_LPMC } from "./lpmc.mjs";

const require = createRequire(import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** A stand-in for the editor: whatever is asked of it is a class that does nothing, but for what is counted. */
function editor(commands, shown, path, documents = [], told = () => {}) {
  const nothing = () => ({ dispose() {} });
  const named = {
    EventEmitter: class {
      event = nothing;
      fire() {}
      dispose() {}
    },
    env: { appName: "test", language: "en" },
    version: "1.82.0",
    languages: {
      createDiagnosticCollection: () => ({ dispose() {}, clear() {}, set: (uri, found) => told(found ?? []) }),
      match: () => 10,
    },
    CodeActionKind: { Empty: { append: () => named.CodeActionKind.Empty } },
    CancellationTokenSource: class {
      token = { isCancellationRequested: false, onCancellationRequested: nothing };
      cancel() {}
      dispose() {}
    },
    Uri: { parse: (text) => ({ toString: () => text, scheme: "file" }) },
    Position: class { constructor(line, character) { Object.assign(this, { line, character }); } },
    Range: class { constructor(...at) { this.at = at; } },
    Diagnostic: class { constructor(range, message, severity) { Object.assign(this, { range, message, severity }); } },
    commands: { registerCommand: (name) => (commands.push(name), nothing()), executeCommand: async () => undefined },
    workspace: {
      getConfiguration: () => ({ get: (key, otherwise) => (key === "path" ? path : otherwise) }),
      createFileSystemWatcher: () => ({ onDidCreate: nothing, onDidChange: nothing, onDidDelete: nothing, dispose() {} }),
      onDidChangeConfiguration: nothing, onDidGrantWorkspaceTrust: nothing,
      workspaceFolders: undefined, getWorkspaceFolder: () => undefined, textDocuments: documents,
    },
    window: {
      showErrorMessage: async (message) => void shown.push(message), activeTextEditor: undefined,
      createOutputChannel: () => ({ appendLine() {}, append() {}, show() {}, dispose() {} }), showInformationMessage: nothing,
    },
  };
  const made = {};
  for (const part of ["workspace", "window", "languages"]) {
    named[part] = new Proxy(named[part], { get: (all, name) => (name in all ? all[name] : nothing) });
  }
  return new Proxy(named, { get: (all, name) => all[name] ?? (made[name] ??= class { static from() { return nothing(); } dispose() {} }) });
}

/** What a function does while `vscode` is the stand-in. */
async function within(stand, act) {
  const load = Module._load;
  Module._load = (name, ...rest) => (name === "vscode" ? stand : load(name, ...rest));
  for (const file of Object.keys(require.cache)) delete require.cache[file];
  try {
    await act(require("../dist/extension.js"));
  } finally {
    Module._load = load;
  }
}

test("the extension adds the commands of its manifest, and tells what to type where lpmc is missing", async () => {
  const commands = [], shown = [];
  await within(editor(commands, shown, "/no/such/lpmc"), (extension) => extension.activate({ subscriptions: [] }));
  assert.deepEqual(commands.sort(), manifest.contributes.commands.map(({ command }) => command).sort());
  assert.match(shown.join(), /no\/such\/lpmc.*pip install "lpmdsl\[lsp\]"/);
});

test("the extension starts the real server, opens the text in it and shows what it says", { skip: NO_LPMC, timeout: 120_000 }, async () => {
  const uri = { toString: () => "file:///town.lpm", scheme: "file", fsPath: "/town.lpm" };
  const text = MODEL.replace("on town", "on twon");
  const open = { uri, languageId: "lpm", version: 1, getText: () => text, isClosed: false };
  let told;
  const found = new Promise((resolve) => (told = (all) => all.length > 0 && resolve(all)));
  const shown = [];
  await within(editor([], shown, LPMC, [open], told), async (extension) => {
    await extension.activate({ subscriptions: [] });
    const [first] = await found;
    assert.match(first.message, /twon/);
    await extension.deactivate();
  });
  assert.deepEqual(shown, []);
});

test("the manifest names files that are there, and guards what can start a program", () => {
  const { languages, grammars, snippets, configuration } = manifest.contributes;
  for (const { path, configuration: file } of [...languages, ...grammars, ...snippets]) {
    JSON.parse(readFileSync(new URL(`../${path ?? file}`, import.meta.url), "utf8"));
  }
  const guarded = manifest.capabilities.untrustedWorkspaces.restrictedConfigurations;
  const programs = Object.keys(configuration.properties).filter((name) => !name.includes("trace"));
  assert.deepEqual(guarded.sort(), programs.sort());
});
