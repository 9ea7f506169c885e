/** What the user handed in: each item travels from here to its report, or to a reason why not. */
import { Failure, asFailure, events, getJson, remove, send } from "./client";
import { keep } from "./copies";
import { language, t } from "./i18n";
import { store } from "./store";
import type { Job, Kind, Policy, Report } from "./wire";

export interface Choices {
  policy: Policy;
  caption: string;
  start: string;
  end: string;
  rate: string;
}

export type Input = { file: File } | { url: string } | { text: string };

export interface Item {
  id: number;
  input: Input | null; // null: taken up again after the page was reloaded
  name: string;
  kind: Kind | "link";
  size: number | null;
  picture: string | null; // object URL for the card
  choices: Choices;
  state: "queued" | "sending" | "working" | "done" | "failed" | "cancelled";
  stage: string;
  fraction: number | null; // null: under way, no figure known
  left: number | null; // seconds
  jobId: string | null;
  report: Report | null;
  failure: Failure | null;
}

const AT_ONCE = 2;
const JOBS = "veriscope.jobs";

export const items = store<readonly Item[]>([]);
const work = new Map<number, AbortController>();
let nextId = 1;

/** A pasted line that is nothing but an address is a link; everything else is text. */
export function classify(typed: string): { url: string } | { text: string } | null {
  const trimmed = typed.trim();
  if (!trimmed) return null;
  if (/^https?:\/\/\S+$/i.test(trimmed) && URL.canParse(trimmed)) return { url: trimmed };
  return { text: typed };
}

/** What the browser takes the file for; only for the card, the service reads the bytes. */
export function guessKind(file: { type: string; name: string }): Kind {
  const family = file.type.split("/")[0];
  if (family === "image" || family === "video" || family === "audio") return family;
  if (/\.(heic|heif|avif|tiff?)$/i.test(file.name)) return "image";
  if (/\.(mkv|mov|avi|webm|mp4)$/i.test(file.name)) return "video";
  if (/\.(flac|opus|m4a|aac|ogg)$/i.test(file.name)) return "audio";
  return /html?$/i.test(file.name) ? "html" : "text";
}

/** The fields the service wants; empty choices are not sent. */
export function fields(choices: Choices): Record<string, string> {
  const sent: Record<string, string> = { policy: choices.policy };
  for (const name of ["start", "end", "rate"] as const) if (choices[name].trim()) sent[name] = choices[name].trim().replace(",", ".");
  return sent;
}

export function add(inputs: Input[], choices: Choices): void {
  items.set([...inputs.map((input) => fresh(input, choices)), ...items.get()]);
  pump();
}

function fresh(input: Input, choices: Choices): Item {
  const base = { id: nextId++, input, choices, state: "queued", stage: "queued", fraction: null, left: null, jobId: null, report: null, failure: null } as const;
  if ("file" in input) {
    const kind = guessKind(input.file);
    const picture = kind === "image" ? URL.createObjectURL(input.file) : null;
    return { ...base, name: input.file.name, kind, size: input.file.size, picture };
  }
  if ("url" in input) return { ...base, name: input.url, kind: "link", size: null, picture: null };
  const line = input.text.trim().replace(/\s+/g, " ");
  return { ...base, name: line.length > 80 ? `${line.slice(0, 79)}…` : line, kind: "text", size: new Blob([input.text]).size, picture: null };
}

function change(id: number, part: Partial<Item>): void {
  items.set(items.get().map((item) => (item.id === id ? { ...item, ...part } : item)));
}

function pump(): void {
  const waiting = items.get().filter((item) => item.state === "queued").reverse();
  const busy = items.get().filter((item) => item.state === "sending").length;
  for (const item of waiting.slice(0, Math.max(0, AT_ONCE - busy))) void run(item);
}

async function run(item: Item): Promise<void> {
  const control = new AbortController();
  work.set(item.id, control);
  change(item.id, { state: "sending", stage: "upload", fraction: 0, failure: null });
  try {
    const sent = (fraction: number) =>
      change(item.id, fraction < 1 ? { fraction } : { state: "sending", stage: "examine", fraction: null });
    const { status, body } = await send<Report & Job>("/api/v1/analyses", content(item), sent, control.signal);
    if (status === 202) {
      change(item.id, { state: "working", stage: "waiting", fraction: 0, jobId: body.jobId });
      pump();
      await follow(item.id, body.jobId, control.signal);
    } else {
      finish(item.id, body);
    }
  } catch (reason) {
    stop(item.id, reason);
  } finally {
    work.delete(item.id);
    pump();
  }
}

function content(item: Item): FormData | string {
  const { input, choices } = item;
  if (!input) throw new Failure("page_fault", t("error.page"));
  const chosen = { ...fields(choices), lang: language.get() };
  if (!("file" in input)) return JSON.stringify({ ...input, ...chosen });
  const form = new FormData();
  for (const [name, value] of Object.entries(chosen)) form.append(name, value);
  if (choices.caption.trim()) form.append("text", choices.caption.trim());
  form.append("file", input.file, input.file.name);
  return form;
}

/** Watches a job until it is over; a broken connection is taken up again. */
async function follow(id: number, jobId: string, signal: AbortSignal): Promise<void> {
  remember();
  for (let tries = 0; ; tries += 1) {
    try {
      for await (const event of events(`/api/v1/jobs/${jobId}/events`, signal)) {
        tries = 0;
        if (event.data.startsWith("{") && (await progress(id, JSON.parse(event.data) as Job))) return;
      }
    } catch (reason) {
      const failure = asFailure(reason);
      if (failure.code !== "unreachable" || tries >= 5) throw failure;
    }
    await pause(Math.min(8000, 500 * 2 ** tries), signal);
    if (await progress(id, await getJson<Job>(`/api/v1/jobs/${jobId}`, signal))) return;
  }
}

/** Shows where the job stands; true when it is over. */
async function progress(id: number, job: Job): Promise<boolean> {
  switch (job.state) {
    case "completed":
      finish(id, await getJson<Report>(`/api/v1/analyses/${job.analysisId}?lang=${language.get()}`));
      return true;
    case "failed":
      throw new Failure(job.error?.code ?? "internal", job.error?.message ?? t("error.job"), job.error?.hint ?? "");
    case "cancelled":
      throw new Failure("cancelled", t("error.cancelled"));
    default:
      change(id, {
        stage: job.state === "waiting" ? "waiting" : job.stage,
        fraction: job.percent / 100,
        left: job.etaSeconds,
      });
      return false;
  }
}

function finish(id: number, report: Report): void {
  const item = items.get().find((one) => one.id === id);
  if (item?.input && "file" in item.input) keep(report.sha256, item.input.file);
  change(id, { state: "done", stage: "done", fraction: 1, left: null, report, kind: report.mediaType });
  remember();
}

function stop(id: number, reason: unknown): void {
  const failure = asFailure(reason);
  const cancelled = failure.code === "cancelled";
  change(id, { state: cancelled ? "cancelled" : "failed", failure: cancelled ? null : failure, fraction: null, left: null });
  remember();
}

export async function cancel(id: number): Promise<void> {
  const item = items.get().find((one) => one.id === id);
  if (!item) return;
  if (item.state === "queued") change(id, { state: "cancelled" });
  work.get(id)?.abort();
  if (item.jobId) await remove(`/api/v1/jobs/${item.jobId}`).catch(() => undefined); // it may just have finished
}

/** Tries again with the same input and choices. */
export function again(id: number): void {
  change(id, { state: "queued", stage: "queued", fraction: null, left: null, jobId: null, failure: null });
  pump();
}

export function dismiss(id: number): void {
  const item = items.get().find((one) => one.id === id);
  if (item?.picture) URL.revokeObjectURL(item.picture);
  items.set(items.get().filter((one) => one.id !== id));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("", "AbortError"));
    });
  });
}

/** Jobs outlive the page: their ids are kept for this tab, so that a reload does not lose sight of them. */
function remember(): void {
  const open = items.get().filter((item) => item.state === "working" && item.jobId);
  try {
    sessionStorage.setItem(JOBS, JSON.stringify(open.map(({ jobId, name, kind, size, choices }) => ({ jobId, name, kind, size, choices }))));
  } catch {
    // storage is switched off: a reload loses sight of the jobs, the history still finds their reports
  }
}

export function resume(): void {
  let kept: Pick<Item, "jobId" | "name" | "kind" | "size" | "choices">[] = [];
  try {
    kept = JSON.parse(sessionStorage.getItem(JOBS) ?? "[]") as typeof kept;
  } catch {
    return;
  }
  for (const one of kept) {
    if (!one.jobId) continue;
    const item: Item = { ...one, id: nextId++, input: null, picture: null, state: "working", stage: "waiting", fraction: null, left: null, report: null, failure: null };
    items.set([...items.get(), item]);
    const control = new AbortController();
    work.set(item.id, control);
    follow(item.id, one.jobId, control.signal)
      .catch((reason: unknown) => stop(item.id, reason))
      .finally(() => work.delete(item.id));
  }
}
