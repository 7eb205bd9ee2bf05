/** `lpmc watch` as a child, and the news that it tells on its page; nothing of the editor is needed here. */
import { ChildProcess, spawn } from "node:child_process";
import * as http from "node:http";
import { StringDecoder } from "node:string_decoder";
import { Program } from "./configuration";

export interface News {
  number: number;
  report: number;
  state: "running" | "done" | "wrong";
  told: string[];
}

export interface Listener {
  /** How it stands; `page` is the report, when there is a new one. */
  news(news: News, page: string | undefined): void;
  /** The child has ended, with what it last said on its error stream. */
  ended(why: string): void;
}

/** The address that the first lines of the child hold, once they have come. */
export function addressIn(said: string): string | undefined {
  return /^page: (http:\/\/127\.0\.0\.1:\d+\/[\w-]+\/)\r?\n/m.exec(said)?.[1];
}

export class Watching {
  private readonly child: ChildProcess;
  private said = "";
  private wrong = "";
  private shown = 0;
  private isOver = false;
  private requests = new Set<http.ClientRequest>();

  constructor(program: Program, cwd: string, private readonly listener: Listener) {
    this.child = spawn(program.command, program.args, { cwd, shell: false, windowsHide: true });
    this.child.on("error", (error) => this.end(error.message));
    this.child.on("exit", () => this.end(this.wrong.trim()));
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => this.hear(text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.wrong = (this.wrong + text).slice(-4000)));
  }

  /** Ends the child; nothing more is told. */
  dispose(): void {
    this.isOver = true;
    this.requests.forEach((request) => request.destroy());
    this.child.kill(process.platform === "win32" ? "SIGTERM" : "SIGINT");
  }

  private hear(text: string): void {
    if (this.said.length > 4000) return; // the address has come long ago
    const had = addressIn(this.said);
    this.said += text;
    const address = addressIn(this.said);
    if (had === undefined && address !== undefined) this.follow(address);
  }

  private end(why: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.requests.forEach((request) => request.destroy());
    this.listener.ended(why);
  }

  /** One notice after the other; each is a line `data: {…}`. A report is fetched before its notice is told. */
  private follow(address: string): void {
    let rest = "";
    let order = Promise.resolve();
    const decoder = new StringDecoder("utf8");
    this.get(`${address}news`, (answer) => {
      answer.on("data", (bytes: Buffer) => {
        const lines = (rest + decoder.write(bytes)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines.filter((one) => one.startsWith("data: "))) {
          const news = JSON.parse(line.slice(6)) as News;
          order = order.then(() => this.tell(address, news));
        }
      });
    });
  }

  private async tell(address: string, news: News): Promise<void> {
    const page = news.report > this.shown ? await this.text(`${address}report?${news.report}`) : undefined;
    this.shown = Math.max(this.shown, news.report);
    if (!this.isOver) this.listener.news(news, page);
  }

  private text(address: string): Promise<string> {
    return new Promise((resolve) => {
      const parts: Buffer[] = [];
      const done = () => resolve(Buffer.concat(parts).toString("utf8"));
      this.get(address, (answer) => answer.on("data", (part: Buffer) => parts.push(part)).on("end", done), done);
    });
  }

  private get(address: string, then: (answer: http.IncomingMessage) => void, failed: () => void = () => {}): void {
    const request = http.get(address, { agent: false }, then).on("error", failed);
    this.requests.add(request);
    request.on("close", () => this.requests.delete(request));
  }
}
