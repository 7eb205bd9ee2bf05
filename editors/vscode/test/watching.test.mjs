import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { MODEL, NO_LPMC, folder, settings } from "./lpmc.mjs";

const require = createRequire(import.meta.url);
const { watch } = require("../dist/configuration.js");
const { Watching, addressIn } = require("../dist/watching.js");
const { page } = require("../dist/page.js");

/** A watch and what it has told; `until` waits for a notice that a test takes. */
function followed(program, cwd) {
  const told = [];
  let heard = () => {};
  const tell = (one) => {
    told.push(one);
    heard();
  };
  const watching = new Watching(program, cwd, { news: (news, page) => tell({ ...news, page }), ended: (why) => tell({ why }) });
  const until = async (test) => {
    while (!told.some(test)) await new Promise((resolve) => (heard = resolve));
    return told.find(test);
  };
  return { watching, until, told };
}

test("the preview follows saves and mistakes, and ends its child", { skip: NO_LPMC, timeout: 180_000 }, async () => {
  const at = folder();
  const file = `${at}/to wn;.lpm`;
  writeFileSync(file, MODEL);
  const few = { ...settings, previewArguments: ["--backend", "reference", "--steps", "3"] };
  const { watching, until } = followed(watch(few, file), at);
  const first = await until(({ page }) => page !== undefined);
  assert.match(first.page, /<title>town<\/title>/);
  assert.match(first.page, /Content-Security-Policy" content="default-src 'none'/);
  writeFileSync(file, MODEL.replace("on town", "on twon"));
  const wrong = await until(({ state }) => state === "wrong");
  assert.match(wrong.told.join(), /error\[E\d{4}\].*twon/);
  assert.equal(wrong.page, undefined);
  writeFileSync(file, MODEL.replace("count 50", "count 60"));
  const second = await until(({ page, report }) => page !== undefined && report > first.report);
  assert.match(second.page, /60 Person/);
  const ended = new Promise((resolve) => watching.child.on("exit", (code) => resolve(code)));
  watching.dispose();
  assert.equal(await ended, 0);
});

test("a program that is not there is told", async () => {
  const { until } = followed({ command: "/no/such/lpmc", args: [] }, folder());
  assert.match((await until(({ why }) => why !== undefined)).why, /ENOENT/);
});

test("an address is read when it is whole, and is one of this computer", () => {
  assert.equal(addressIn("page: http://127.0.0.1:80/ab"), undefined);
  assert.equal(addressIn("page: http://127.0.0.1:8012/a-b_c/\n"), "http://127.0.0.1:8012/a-b_c/");
  assert.equal(addressIn("page: http://evil.example:8012/abc/\n"), undefined);
});

test("what a model says is text in the page of the preview", () => {
  assert.match(page("<main><p>report</p></main>", ["<script>'$&"]), /^<main><pre class="notice">&#60;script&#62;&#39;\$&#38;<\/pre><p>/);
  assert.equal(page("<main>r</main>", []), "<main>r</main>");
  assert.match(page(undefined, []), /default-src 'none'/);
});
