/** Everything that is being protected: files on their way to the service, and the redactions it knows. */
import { asFailure, call, Failure, getJson, remove, send } from "../client";
import { keep } from "../copies";
import { t } from "../i18n";
import { firstWords, guessKind, type Input } from "../intake";
import { follow } from "../jobs";
import { store } from "../store";
import type { Job, Kind } from "../wire";
import { type Choices, request } from "./choices";
import type { Listing, Redaction, Status } from "./shapes";

const PATH = "/api/v1/redactions";
const PAGE = 20;
const AT_ONCE = 2;
const LATE = 1500; // milliseconds

/** A file that the service has not accepted yet. */
export interface Upload {
  id: number;
  input: Input;
  choices: Choices;
  name: string;
  kind: Kind | "link";
  size: number | null;
  state: "queued" | "sending" | "failed";
  fraction: number;
  failure: Failure | null;
}

export const uploads = store<readonly Upload[]>([]);
/** Newest first; undefined until the service was asked. */
export const redactions = store<readonly Redaction[] | undefined>(undefined);
/** Seconds left, as the service estimates them, by redaction. */
export const left = store<ReadonlyMap<string, number>>(new Map());

const sending = new Map<number, AbortController>();
const watched = new Set<string>();
let nextId = 1;

export const running = (status: Status): boolean => status === "waiting" || status === "active";

/** What is being done, also in the moment before the service says so: with a plan that was approved it is covering. */
export function stageOf({ status, stage, links }: Redaction): string {
  if (status !== "active") return "";
  return stage || (links["plan"] ? "render" : "look");
}

export function add(inputs: Input[], choices: Choices): void {
  uploads.set([...inputs.map((input) => fresh(input, choices)), ...uploads.get()]);
  pump();
}

function fresh(input: Input, choices: Choices): Upload {
  const base = { id: nextId++, input, choices, state: "queued", fraction: 0, failure: null } as const;
  if ("file" in input) return { ...base, name: input.file.name, kind: guessKind(input.file), size: input.file.size };
  if ("url" in input) return { ...base, name: input.url, kind: "link", size: null };
  return { ...base, name: firstWords(input.text), kind: "text", size: new Blob([input.text]).size };
}

function change(id: number, part: Partial<Upload>): void {
  uploads.set(uploads.get().map((one) => (one.id === id ? { ...one, ...part } : one)));
}

function pump(): void {
  const all = uploads.get();
  const busy = all.filter((one) => one.state === "sending").length;
  const waiting = all.filter((one) => one.state === "queued").reverse();
  for (const one of waiting.slice(0, Math.max(0, AT_ONCE - busy))) void run(one);
}

async function run(upload: Upload): Promise<void> {
  const control = new AbortController();
  sending.set(upload.id, control);
  change(upload.id, { state: "sending", fraction: 0, failure: null });
  try {
    const { body } = await send<Redaction>(PATH, content(upload), (fraction) => change(upload.id, { fraction }), control.signal);
    if ("file" in upload.input) keep(body.sha256, upload.input.file);
    dismiss(upload.id);
    put(body);
    watch(body.redactionId);
  } catch (reason) {
    const failure = asFailure(reason);
    if (failure.code === "cancelled") {
      dismiss(upload.id);
      setTimeout(() => void load(false).catch(() => undefined), LATE); // the service may just have taken it in
    } else change(upload.id, { state: "failed", failure });
  } finally {
    sending.delete(upload.id);
    pump();
  }
}

function content({ input, choices, kind }: Upload): FormData | string {
  const asked = request(choices, kind);
  if (!asked) throw new Failure("nothing_to_remove", t("protect.nothing"), t("protect.nothing.hint"));
  const { targets, operators, review, keepMetadata, custom } = asked;
  const chosen = { targets, operators, review, keepMetadata, ...(custom && { custom }) };
  if (!("file" in input)) return JSON.stringify({ ...input, ...chosen });
  const form = new FormData();
  for (const [name, value] of Object.entries(chosen)) form.append(name, String(value));
  form.append("file", input.file, input.file.name);
  return form;
}

export function again(id: number): void {
  change(id, { state: "queued", fraction: 0, failure: null });
  pump();
}

/** Takes a file back that has not been accepted yet. */
export function withdraw(id: number): void {
  sending.get(id)?.abort();
  dismiss(id);
}

function dismiss(id: number): void {
  uploads.set(uploads.get().filter((one) => one.id !== id));
}

function put(redaction: Redaction): void {
  const all = redactions.get() ?? [];
  const known = all.some((one) => one.redactionId === redaction.redactionId);
  redactions.set(known ? all.map((one) => (one.redactionId === redaction.redactionId ? redaction : one)) : [redaction, ...all]);
}

export const redactionOf = (id: string): Redaction | undefined => redactions.get()?.find((one) => one.redactionId === id);

let next: string | null = null; // where the older ones begin

/** What the service keeps, newest first, or the next page of older ones; true when there are more. */
export async function load(older: boolean): Promise<boolean> {
  const query = new URLSearchParams({ limit: String(PAGE), ...(older && next && { before: next }) });
  const page = await getJson<Listing>(`${PATH}?${query}`);
  next = page.next;
  const fresh = new Set(page.items.map((one) => one.redactionId));
  const rest = older ? (redactions.get() ?? []).filter((one) => !fresh.has(one.redactionId)) : [];
  redactions.set([...rest, ...page.items]);
  for (const one of page.items) if (running(one.status)) watch(one.redactionId);
  return next !== null;
}

/** One redaction as the service has it now. */
export async function read(id: string): Promise<Redaction> {
  const redaction = await getJson<Redaction>(`${PATH}/${encodeURIComponent(id)}`);
  put(redaction);
  if (running(redaction.status)) watch(id);
  return redaction;
}

/** Follows a running redaction until it waits for a person or is over. */
function watch(id: string): void {
  if (watched.has(id)) return;
  watched.add(id);
  const seen = (job: Job) => {
    const now = redactionOf(id);
    if (!now || !running(job.state)) return true;
    put({ ...now, status: job.state, stage: job.stage, fraction: job.percent / 100 });
    const times = new Map(left.get());
    if (job.etaSeconds === null) times.delete(id);
    else times.set(id, job.etaSeconds);
    left.set(times);
    return false;
  };
  follow(id, new AbortController().signal, seen)
    .catch(() => undefined) // what the service then says of it is shown
    .finally(() => {
      watched.delete(id);
      void read(id).catch(() => undefined);
    });
}

/** Has the corrected plan rendered. */
export async function render(id: string): Promise<void> {
  put(await call<Redaction>("POST", `${PATH}/${encodeURIComponent(id)}/render`));
  watch(id);
}

/** Cancels it, or deletes what is kept of it. */
export async function erase(id: string): Promise<void> {
  await remove(`${PATH}/${encodeURIComponent(id)}`);
  redactions.set(redactions.get()?.filter((one) => one.redactionId !== id));
}
