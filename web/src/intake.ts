/** What the user handed in: each item travels from here to its report, or to a reason why not. */
import { Failure, asFailure, getJson, remove, send } from "./client";
import { keep } from "./copies";
import { language, t } from "./i18n";
import { follow } from "./jobs";
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
  if (file.type === "application/pdf" || /\.pdf$/i.test(file.name)) return "pdf";
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
  return { ...base, name: firstWords(input.text), kind: "text", size: new Blob([input.text]).size, picture: null };
}

/** What a text is called in a list. */
export function firstWords(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
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
      remember();
      await follow(body.jobId, control.signal, (job) => progress(item.id, job));
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
    follow(one.jobId, control.signal, (job) => progress(item.id, job))
      .catch((reason: unknown) => stop(item.id, reason))
      .finally(() => work.delete(item.id));
  }
}
