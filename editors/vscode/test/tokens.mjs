/** Texts as VS Code itself would colour them. Alone: reads {name: text} as JSON, writes {name: [scope of every character]}. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const { Registry, INITIAL, parseRawGrammar } = require("vscode-textmate");
const oniguruma = require("vscode-oniguruma");
const here = (name) => fileURLToPath(new URL(`../syntaxes/${name}`, import.meta.url));
const PYTHON = { scopeName: "source.python", patterns: [{ match: "\\bimport\\b", name: "keyword.control.python" }] };

await oniguruma.loadWASM(readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")).buffer);

/** A grammar by its scope, with the colours of cells injected into a stand-in for Python's. */
export async function grammar(scope) {
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async (name) => {
      if (name === "source.python") return PYTHON;
      const file = here(name === "source.lpm" ? "lpm.tmLanguage.json" : "lpm-cells.tmLanguage.json");
      return parseRawGrammar(readFileSync(file, "utf8"), file);
    },
    getInjections: (name) => (name === "source.python" ? ["lpm.cells"] : []),
  });
  return registry.loadGrammar(scope);
}

/** The innermost scope of every character of every line, and how many rules are open after the last line. */
export function coloured(made, text) {
  const scopes = [];
  let stack = INITIAL;
  for (const line of text.split("\n")) {
    const found = made.tokenizeLine(line, stack);
    for (const token of found.tokens) {
      const end = Math.min(token.endIndex, line.length);
      for (let k = token.startIndex; k < end; k += 1) scopes.push(token.scopes.at(-1));
    }
    scopes.push("");
    stack = found.ruleStack;
  }
  scopes.pop();
  return { scopes, depth: stack.depth };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = await grammar("source.lpm");
  const texts = JSON.parse(readFileSync(0, "utf8"));
  const out = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, coloured(made, text)]));
  process.stdout.write(JSON.stringify(out));
}
