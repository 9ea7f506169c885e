import { t } from "./i18n";
import { askToken, bearer } from "./session";
import { EventParser, type ServerEvent } from "./sse";

/** Anything that went wrong, in the one shape the service uses. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint = "",
    readonly status = 0,
  ) {
    super(message);
  }
}

export function asFailure(reason: unknown): Failure {
  if (reason instanceof Failure) return reason;
  if (reason instanceof DOMException && reason.name === "AbortError") return new Failure("cancelled", t("error.cancelled"));
  return new Failure("page_fault", t("error.page"), reason instanceof Error ? reason.message : String(reason));
}

function refusal(status: number, body: string): Failure {
  try {
    const error = (JSON.parse(body) as { error?: { code?: string; message?: string; hint?: string } }).error;
    if (error?.code && error.message) return new Failure(error.code, error.message, error.hint ?? "", status);
  } catch {
    // not JSON: something between the page and the service answered
  }
  return new Failure(`http_${status}`, t("error.http", { status }), t("error.http.hint"), status);
}

const offline = () => new Failure("unreachable", t("error.unreachable"), t("error.unreachable.hint"));

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const head = bearer();
    let answer: Response;
    try {
      answer = await fetch(path, { ...init, headers: { ...(init.headers as Record<string, string>), ...head } });
    } catch (reason) {
      if (init.signal?.aborted) throw asFailure(new DOMException("", "AbortError"));
      throw reason instanceof TypeError ? offline() : reason;
    }
    if (answer.status === 401 && (await askToken(head))) continue;
    if (!answer.ok) throw refusal(answer.status, await answer.text());
    return answer;
  }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await request(path, { headers: { Accept: "application/json" }, ...(signal && { signal }) });
  return (await answer.json()) as T;
}

/** Like `getJson`, for answers that say something even when they are not 2xx (a service that is not ready). */
export async function getAnyway<T>(path: string, signal?: AbortSignal): Promise<T> {
  try {
    const answer = await fetch(path, { headers: bearer(), ...(signal && { signal }) });
    if (answer.status === 401) return await getJson<T>(path, signal);
    return (await answer.json()) as T;
  } catch (reason) {
    if (reason instanceof SyntaxError) throw refusal(502, "");
    throw reason instanceof TypeError ? offline() : reason;
  }
}

export async function remove(path: string): Promise<void> {
  await request(path, { method: "DELETE" });
}

/** A call that changes something; `body` is sent as JSON. */
export async function call<T>(method: "POST" | "PUT", path: string, body?: unknown): Promise<T> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const answer = await (await request(path, { method, ...sent })).text();
  return (answer ? JSON.parse(answer) : undefined) as T;
}

export async function getBlob(path: string, signal?: AbortSignal): Promise<Blob> {
  return await (await request(path, signal ? { signal } : {})).blob();
}

/** Sends a form or JSON and tells how much of it has left; `fetch` cannot do that. */
export async function send<T>(
  path: string,
  content: FormData | string,
  sent: (fraction: number) => void,
  signal: AbortSignal,
): Promise<{ status: number; body: T }> {
  for (;;) {
    const head = bearer();
    const answer = await new Promise<XMLHttpRequest>((resolve, reject) => {
      const call = new XMLHttpRequest();
      call.open("POST", path);
      const type = typeof content === "string" ? { "Content-Type": "application/json" } : {};
      for (const [name, value] of Object.entries({ Accept: "application/json", ...type, ...head })) call.setRequestHeader(name, value);
      call.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
      call.onload = () => resolve(call);
      call.onerror = () => reject(offline());
      call.onabort = () => reject(asFailure(new DOMException("", "AbortError")));
      signal.addEventListener("abort", () => call.abort(), { once: true });
      if (signal.aborted) call.abort();
      else call.send(content);
    });
    if (answer.status === 401 && (await askToken(head))) continue;
    if (answer.status < 200 || answer.status > 299) throw refusal(answer.status, answer.responseText);
    return { status: answer.status, body: JSON.parse(answer.responseText) as T };
  }
}

/** The events of one stream until it ends. `EventSource` cannot send the token, so this reads the body itself. */
export async function* events(path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const answer = await request(path, { headers: { Accept: "text/event-stream" }, signal });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.feed(value);
    }
  } catch (reason) {
    if (signal.aborted) throw asFailure(new DOMException("", "AbortError"));
    throw reason instanceof TypeError ? offline() : reason;
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
