/** The HTML of the preview; nothing of the editor is needed here. */

const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** The report with what is wrong in the text above it. */
export function page(report: string | undefined, told: readonly string[]): string {
  const wrong = told.length ? `<pre class="notice">${escaped(told.join("\n\n"))}</pre>` : "";
  if (report?.includes("<main>")) return report.replace("<main>", () => `<main>${wrong}`);
  const wait = told.length ? wrong : "<p>The first run is under way.</p>";
  return `<!doctype html><meta http-equiv="Content-Security-Policy" content="${POLICY}"><main>${wait}</main>`;
}
