/** What the settings say about programs to start; nothing of the editor is needed here, so the tests use it as it is. */
import * as path from "node:path";

export interface Settings {
  path: string;
  runArguments: string[];
  previewArguments: string[];
}

export interface Program {
  command: string;
  args: string[];
}

/** The program `lpmc` with `${workspaceFolder}` filled in; a name without a folder is looked for on the path. */
export function program(settings: Settings, folder: string | undefined): string {
  const named = settings.path.trim() || "lpmc";
  return folder === undefined ? named : path.normalize(named.replaceAll("${workspaceFolder}", folder));
}

/** The language server, which speaks on its standard streams. */
export function server(settings: Settings, folder?: string): Program {
  return { command: program(settings, folder), args: ["lsp"] };
}

/** One run of a model. No shell is between, so a file may be called anything. */
export function run(settings: Settings, file: string, folder?: string): Program {
  return { command: program(settings, folder), args: ["run", ...settings.runArguments, "--", file] };
}

/** The runs of the preview, one on every save. */
export function watch(settings: Settings, file: string, folder?: string): Program {
  return { command: program(settings, folder), args: ["watch", "--no-browser", ...settings.previewArguments, "--", file] };
}

/** What a user does who has no `lpmc`. */
export function absent(command: string): string {
  const install = 'pip install "lpmdsl[lsp]"';
  return `\`${command}\` cannot be started. Type \`${install}\` in a terminal, or name the program in the setting lpmdsl.path.`;
}

/** What is told when the server does not come up: where it is not there, or what it may have said before it ended. */
export function failed(command: string, why: string): string {
  if (/ENOENT|EACCES/.test(why)) return absent(command);
  return `\`${command} lsp\` ended at once: its reason stands in the output of lpm. The server needs \`pip install "lpmdsl[lsp]"\`.`;
}
