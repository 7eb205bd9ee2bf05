/** The settings of the extension as the editor has them. */
import * as vscode from "vscode";
import { Settings } from "./configuration";

export function settings(scope?: vscode.Uri): Settings {
  const found = vscode.workspace.getConfiguration("lpmdsl", scope);
  return {
    path: found.get("path", "lpmc"),
    runArguments: found.get("runArguments", []),
    previewArguments: found.get("previewArguments", []),
  };
}

/** The folder of the workspace that a file lies in, or the first one. */
export function folderOf(uri?: vscode.Uri): string | undefined {
  const folder = uri ? vscode.workspace.getWorkspaceFolder(uri) : undefined;
  return (folder ?? vscode.workspace.workspaceFolders?.[0])?.uri.fsPath;
}
