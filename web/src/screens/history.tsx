import { useEffect, useRef, useState } from "preact/hooks";
import { asFailure, type Failure, getJson } from "../client";
import { date, number, t, tn } from "../i18n";
import { kindIcons, LabelChip, Problem, ScreenTitle, Skeleton } from "../parts/basics";
import { Icon } from "../parts/icons";
import { go, href } from "../router";
import { type Filter, filterOf, labels, request, search } from "./search";
import type { Page, Summary } from "../wire";

/** Everything examined that is still kept: found by name, hash, verdict or day, and compared two by two. */
export function History({ query }: { query: URLSearchParams }) {
  const [filter, setFilter] = useState<Filter>(() => filterOf(query));
  const [rows, setRows] = useState<Summary[] | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [turn, setTurn] = useState(0);
  const [picked, setPicked] = useState<string[]>([]);
  const asked = useRef<AbortController | null>(null);

  const load = async (after: string | null) => {
    asked.current?.abort();
    const control = new AbortController();
    asked.current = control;
    try {
      const page = await getJson<Page>(request(filter, after), control.signal);
      setRows((now) => (after && now ? [...now, ...page.items] : page.items));
      setCursor(page.next);
      setFailure(null);
    } catch (reason) {
      if (!control.signal.aborted) setFailure(asFailure(reason));
    }
  };
  useEffect(() => {
    history.replaceState(null, "", href({ screen: "history", query: search(filter) }));
    const timer = setTimeout(() => void load(null), rows === null ? 0 : 250);
    return () => clearTimeout(timer);
  }, [filter, turn]);
  useEffect(() => () => asked.current?.abort(), []);

  const pick = (id: string) => setPicked((now) => (now.includes(id) ? now.filter((one) => one !== id) : [...now, id].slice(-2)));
  const narrowed = search(filter).size > 0;
  const [left, right] = picked;
  return (
    <div class="page">
      <ScreenTitle title={t("nav.history")}>{t("history.title")}</ScreenTitle>
      <Filters filter={filter} set={setFilter} />
      {failure && (
        <Problem failure={failure}>
          <button type="button" onClick={() => setTurn(turn + 1)}>
            {t("again")}
          </button>
        </Problem>
      )}
      {rows === null && !failure && <Skeleton lines={8} />}
      {rows?.length === 0 && (narrowed ? <NoMatch clear={() => setFilter({ q: "", label: "", since: "", until: "" })} /> : <Empty />)}
      {rows && rows.length > 0 && (
        <>
          <div class="compare-bar row row-spread">
            <span class="muted" role="status">
              {picked.length === 0 ? t("compare.hint") : tn("compare.picked", picked.length)}
            </span>
            <button type="button" class="primary" disabled={!left || !right} onClick={() => left && right && go({ screen: "compare", left, right })}>
              {t("compare.do")}
            </button>
          </div>
          <Table rows={rows} picked={picked} pick={pick} />
          {cursor && (
            <button type="button" class="more" onClick={() => void load(cursor)}>
              {t("history.more")}
            </button>
          )}
        </>
      )}
    </div>
  );
}

function Filters({ filter, set }: { filter: Filter; set(next: Filter): void }) {
  return (
    <search class="filters">
      <label class="field filter-wide">
        <span>{t("history.search")}</span>
        <input type="search" value={filter.q} placeholder={t("history.search.placeholder")} onInput={(event) => set({ ...filter, q: event.currentTarget.value })} />
      </label>
      <label class="field">
        <span>{t("history.label")}</span>
        <select value={filter.label} onChange={(event) => set({ ...filter, label: event.currentTarget.value })}>
          <option value="">{t("history.label.any")}</option>
          {labels.map((label) => (
            <option key={label} value={label}>
              {t(`label.${label}`)}
            </option>
          ))}
        </select>
      </label>
      {(["since", "until"] as const).map((name) => (
        <label key={name} class="field">
          <span>{t(`history.${name}`)}</span>
          <input type="date" value={filter[name]} onChange={(event) => set({ ...filter, [name]: event.currentTarget.value })} />
        </label>
      ))}
    </search>
  );
}

function Table({ rows, picked, pick }: { rows: Summary[]; picked: string[]; pick(id: string): void }) {
  return (
    <div class="table-box" tabIndex={0} role="group" aria-label={t("history.title")}>
      <table class="history">
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">{t("compare.column")}</span>
            </th>
            <th scope="col">{t("history.name")}</th>
            <th scope="col">{t("history.verdict")}</th>
            <th scope="col" class="right">
              {t("history.risk")}
            </th>
            <th scope="col">{t("history.when")}</th>
            <th scope="col">SHA-256</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.analysisId} class={picked.includes(row.analysisId) ? "picked" : ""}>
              <td>
                <input
                  type="checkbox"
                  checked={picked.includes(row.analysisId)}
                  aria-label={t("compare.pick", { name: row.name })}
                  onChange={() => pick(row.analysisId)}
                />
              </td>
              <th scope="row">
                <a class="name-link" href={href({ screen: "result", id: row.analysisId })}>
                  <Icon name={kindIcons[row.mediaType]} /> <span>{row.name}</span>
                </a>
              </th>
              <td>
                <LabelChip label={row.label} />
              </td>
              <td class="right figures">{row.riskScore === null ? "–" : number(row.riskScore)}</td>
              <td class="nowrap">{date(row.created)}</td>
              <td>
                <code title={row.sha256}>{row.sha256.slice(0, 12)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Empty() {
  return (
    <div class="empty">
      <h2>{t("history.empty")}</h2>
      <p>{t("history.empty.text")}</p>
      <a class="button primary" href={href({ screen: "verify" })}>
        {t("history.empty.do")}
      </a>
    </div>
  );
}

function NoMatch({ clear }: { clear(): void }) {
  return (
    <div class="empty">
      <h2>{t("history.nomatch")}</h2>
      <p>{t("history.nomatch.text")}</p>
      <button type="button" onClick={clear}>
        {t("history.clear")}
      </button>
    </div>
  );
}
