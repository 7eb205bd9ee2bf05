/** The report beside the text. The page brings its own policy, which lets no script run and nothing be fetched. */
import * as path from "node:path";
import * as vscode from "vscode";
import { absent, watch } from "./configuration";
import { page } from "./page";
import { settings, folderOf } from "./settings";
import { News, Watching } from "./watching";

const open = new Map<string, Preview>();

/** Shows the preview of a model, or brings it to the front. */
export function preview(uri: vscode.Uri): void {
  const there = open.get(uri.fsPath);
  if (there) there.reveal();
  else open.set(uri.fsPath, new Preview(uri));
}

/** Ends all previews. */
export function closeAll(): void {
  for (const one of [...open.values()]) one.close();
}

class Preview {
  private readonly panel: vscode.WebviewPanel;
  private readonly watching: Watching;
  private report: string | undefined;

  constructor(private readonly uri: vscode.Uri) {
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const options = { enableScripts: false, enableCommandUris: false, enableForms: false, localResourceRoots: [] };
    this.panel = vscode.window.createWebviewPanel("lpmdsl.preview", this.title("starting"), place, options);
    this.panel.webview.html = page(undefined, []);
    const program = watch(settings(uri), uri.fsPath, folderOf(uri));
    this.watching = new Watching(program, path.dirname(uri.fsPath), {
      news: (news, report) => this.show(news, report),
      ended: (why) => this.ended(program.command, why),
    });
    this.panel.onDidDispose(() => {
      this.watching.dispose();
      open.delete(uri.fsPath);
    });
  }

  reveal(): void {
    this.panel.reveal(undefined, true);
  }

  close(): void {
    this.panel.dispose();
  }

  private title(state: string): string {
    return `${path.basename(this.uri.fsPath)} · ${state}`;
  }

  private show(news: News, report: string | undefined): void {
    this.report = report ?? this.report;
    this.panel.title = this.title({ running: "running", done: "report", wrong: "errors" }[news.state]);
    if (report !== undefined || news.state !== "running") this.panel.webview.html = page(this.report, news.told);
  }

  private ended(command: string, why: string): void {
    this.panel.title = this.title("ended");
    this.panel.webview.html = page(this.report, [why.includes("ENOENT") || !why ? absent(command) : why]);
  }
}
