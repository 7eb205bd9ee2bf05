/** The real `lpmc`: $LPMC, or that of the working copy; undefined where there is none. */
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const own = fileURLToPath(new URL("../../../.venv/bin/lpmc", import.meta.url));
export const LPMC = process.env.LPMC ?? (existsSync(own) ? own : undefined);
export const NO_LPMC = LPMC === undefined ? "no lpmc: set LPMC to the program" : false;
export const folder = () => mkdtempSync(join(tmpdir(), "lpm-"));
export const settings = { path: LPMC ?? "lpmc", runArguments: [], previewArguments: [] };

export const MODEL = `model town version 1.0
clock
  step 1 day
  for 20 days
agent Person count 50
network town joins Person at random
condition Flu of Person
  states S, I, R
  start S except 5 Person in I
  from S by contagion to I
  from I at rate 0.2 per day to R
contagion of Flu
  from I on town at 0.5 per day
observe ill = count of Person where Flu is I every day
`;
