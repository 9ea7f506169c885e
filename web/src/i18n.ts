import table from "./messages.json";
import { store } from "./store";

export type Language = "en" | "vi";
export type Key = keyof typeof table;
export type Values = Record<string, string | number>;

const messages: Record<string, Record<Language, string>> = table;

export const languages: Record<Language, string> = { en: "English", vi: "Tiếng Việt" };
export const language = store<Language>("en");

/** The sentence in the language in force, with `{name}` replaced. */
export function t(key: Key, values: Values = {}): string {
  return fill(messages[key]?.[language.get()] ?? key, values);
}

/** A sentence that may be missing, e.g. the name of a method newer than this page. */
export function maybe(key: string): string | undefined {
  return messages[key]?.[language.get()];
}

/** The sentence for a count: `key.one` or `key.other` as the language wants it. */
export function tn(key: string, count: number, values: Values = {}): string {
  const form = new Intl.PluralRules(language.get()).select(count);
  const text = maybe(`${key}.${form}`) ?? maybe(`${key}.other`) ?? key;
  return fill(text, { n: number(count), ...values });
}

export function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(language.get(), { maximumFractionDigits: digits, minimumFractionDigits: 0 }).format(value);
}

export function fixed(value: number, digits: number): string {
  return new Intl.NumberFormat(language.get(), { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
}

/** A share of one as per cent; small ones keep two digits that count. */
export function percent(share: number): string {
  const digits = share > 0 && share < 0.1 ? 1 : 0;
  return new Intl.NumberFormat(language.get(), { style: "percent", maximumFractionDigits: digits }).format(share);
}

export function bytes(count: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  let value = count;
  let step = 0;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return new Intl.NumberFormat(language.get(), {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: value < 10 && step > 0 ? 1 : 0,
  }).format(value);
}

export function date(iso: string): string {
  const when = new Date(iso);
  if (Number.isNaN(when.getTime())) return iso;
  return new Intl.DateTimeFormat(language.get(), { dateStyle: "medium", timeStyle: "short" }).format(when);
}

/** Minutes and seconds as players show them: 0:07.4, 12:30, 1:02:03. */
export function clock(seconds: number, tenths = false): string {
  const safe = Math.max(0, Number.isFinite(seconds) ? seconds : 0);
  const shown = tenths ? Math.round(safe * 10) / 10 : Math.floor(safe);
  const hours = Math.floor(shown / 3600);
  const minutes = Math.floor((shown % 3600) / 60);
  const rest = shown % 60;
  const tail = (tenths ? rest.toFixed(1) : String(Math.floor(rest))).padStart(tenths ? 4 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** A length of time in words, rounded as far as a waiting person cares. */
export function duration(seconds: number): string {
  const [value, unit] =
    seconds < 60
      ? ([Math.max(1, Math.round(seconds)), "second"] as const)
      : seconds < 5400
        ? ([Math.round(seconds / 60), "minute"] as const)
        : ([Math.round(seconds / 3600), "hour"] as const);
  return new Intl.NumberFormat(language.get(), { style: "unit", unit, unitDisplay: "long" }).format(value);
}

export function startLanguage(): void {
  const set = () => {
    document.documentElement.lang = language.get();
  };
  language.set(document.documentElement.lang === "vi" ? "vi" : "en");
  language.subscribe(() => {
    set();
    try {
      localStorage.setItem("veriscope.language", language.get());
    } catch {
      // storage is switched off: the choice lasts as long as the page
    }
  });
}
