/** Starts the language server and adds the commands. */
import * as path from "node:path";
import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";
import { failed, run, server } from "./configuration";
import { closeAll, preview } from "./preview";
import { folderOf, settings } from "./settings";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  context.subscriptions.push(
    vscode.commands.registerCommand("lpmdsl.run", () => withModel(runModel)),
    vscode.commands.registerCommand("lpmdsl.preview", () => withModel(preview)),
    vscode.commands.registerCommand("lpmdsl.restart", restart),
    vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration("lpmdsl.path") && restart()),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    { dispose: closeAll },
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

async function start(): Promise<void> {
  const started = server(settings(), folderOf());
  client = new LanguageClient("lpmdsl", "lpm", started, {
    documentSelector: [{ language: "lpm", scheme: "file" }, { language: "lpm", scheme: "untitled" }],
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.{lpm,csv,tsv,parquet,graphml}") },
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    void tell(failed(started.command, String(error)));
  }
}

async function tell(what: string): Promise<void> {
  const settle = "Open settings";
  const chosen = await vscode.window.showErrorMessage(what, settle);
  if (chosen === settle) await vscode.commands.executeCommand("workbench.action.openSettings", "lpmdsl.path");
}

async function restart(): Promise<void> {
  await client?.stop().catch(() => undefined);
  await start();
}

/** Does something with the saved model in the editor. */
async function withModel(act: (uri: vscode.Uri) => unknown): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== "lpm" || document.uri.scheme !== "file") {
    void vscode.window.showInformationMessage("Open an .lpm file first.");
    return;
  }
  if (document.isDirty) await document.save();
  await act(document.uri);
}

/** A task without a shell: whatever the file is called is one word of the command. */
async function runModel(uri: vscode.Uri): Promise<void> {
  const { command, args } = run(settings(uri), uri.fsPath, folderOf(uri));
  const name = path.basename(uri.fsPath);
  const what = new vscode.ProcessExecution(command, args, { cwd: path.dirname(uri.fsPath) });
  const task = new vscode.Task({ type: "process" }, vscode.TaskScope.Workspace, `run ${name}`, "lpm", what);
  task.presentationOptions = { clear: true, reveal: vscode.TaskRevealKind.Always };
  await vscode.tasks.executeTask(task);
}
