import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { coloured, grammar } from "./tokens.mjs";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const models = ["models", "stdlib", "compiler_tests", "benchmarks"].flatMap((folder) =>
  readdirSync(`${ROOT}/${folder}`, { recursive: true })
    .filter((name) => name.endsWith(".lpm"))
    .map((name) => `${ROOT}/${folder}/${name}`),
);

test("every model is coloured, and nothing is left open at its end", async () => {
  const made = await grammar("source.lpm");
  assert.ok(models.length > 200);
  for (const file of models) {
    const text = readFileSync(file, "utf8").replaceAll("\r\n", "\n");
    const { scopes, depth } = coloured(made, text);
    assert.equal(depth, 1, file);
    const bare = [...scopes.keys()].filter((k) => scopes[k] === "source.lpm" && /[\w"#]/.test(text[k]));
    assert.deepEqual(bare.map((k) => text.slice(k, k + 20)), [], file);
  }
});

test("an open string ends with its line", async () => {
  const { scopes, depth } = coloured(await grammar("source.lpm"), '  source "open\nclock');
  assert.equal(depth, 1);
  assert.equal(scopes.at(-1), "keyword.control.declaration.lpm");
  assert.ok(scopes.includes("invalid.illegal.unclosed-string.lpm"));
});

test("a cell of a notebook that begins with %%lpm is a model, any other is not", async () => {
  const made = await grammar("source.python");
  const cell = coloured(made, "%%lpm --name town\nclock\n  step 1 day").scopes;
  assert.equal(cell[0], "keyword.control.magic.lpm");
  assert.equal(cell["%%lpm --name town\n".length], "keyword.control.declaration.lpm");
  assert.equal(cell.at(-1), "keyword.other.unit.lpm");
  const other = coloured(made, "import x\nclock").scopes;
  assert.equal(other[0], "keyword.control.python");
  assert.equal(other.at(-1), "source.python");
});
