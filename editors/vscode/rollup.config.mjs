// Plain JavaScript throughout: a bundler whose install script fetches a program would not work behind many firewalls.
import commonjs from "@rollup/plugin-commonjs";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import typescript from "@rollup/plugin-typescript";

export default {
  // The parts without `vscode` are files of their own, so that the tests drive what the extension drives.
  input: Object.fromEntries(["extension", "configuration", "page", "watching"].map((name) => [name, `src/${name}.ts`])),
  output: { dir: "dist", format: "cjs", entryFileNames: "[name].js", chunkFileNames: "[name].js" },
  external: ["vscode", /^node:/, "child_process", "crypto", "fs", "net", "os", "path", "url", "util"],
  plugins: [nodeResolve({ preferBuiltins: true, exportConditions: ["node"] }), commonjs(), typescript()],
};
