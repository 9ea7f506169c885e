import { store } from "./store";

export type Theme = "auto" | "light" | "dark";

export const theme = store<Theme>("auto");

const TOKEN = "veriscope.token";
let token: string | null = null;

/** The question in front of the user, or null; `answer(null)` means that they gave up. */
export interface Question {
  rejected: boolean;
  answer(token: string | null): void;
}

export const question = store<Question | null>(null);

export function bearer(): Record<string, string> {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export const signedIn = store(false);

/** Asks for the token; all calls that are refused meanwhile share one question. */
let pending: Promise<boolean> | null = null;

export function askToken(tried: Record<string, string>): Promise<boolean> {
  if (tried["Authorization"] !== bearer()["Authorization"]) return Promise.resolve(true); // changed since: try again
  pending ??= new Promise<boolean>((resolve) => {
    question.set({
      rejected: token !== null,
      answer(next) {
        question.set(null);
        pending = null;
        if (next) remember(next);
        resolve(next !== null);
      },
    });
  });
  return pending;
}

export function signOut(): void {
  remember(null);
}

function remember(next: string | null): void {
  token = next;
  signedIn.set(next !== null);
  try {
    if (next) sessionStorage.setItem(TOKEN, next);
    else sessionStorage.removeItem(TOKEN);
  } catch {
    // storage is switched off: the token lasts as long as the page
  }
}

export function startSession(): void {
  try {
    token = sessionStorage.getItem(TOKEN);
    signedIn.set(token !== null);
  } catch {
    token = null;
  }
  const chosen = document.documentElement.dataset["theme"];
  theme.set(chosen === "light" || chosen === "dark" ? chosen : "auto");
  theme.subscribe(() => {
    const next = theme.get();
    if (next === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = next;
    try {
      if (next === "auto") localStorage.removeItem("veriscope.theme");
      else localStorage.setItem("veriscope.theme", next);
    } catch {
      // as above
    }
  });
}
