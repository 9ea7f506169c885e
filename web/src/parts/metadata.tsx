import { useState } from "preact/hooks";
import { t, tn } from "../i18n";
import type { MetadataRow } from "../wire";
import { Icon } from "./icons";

const AT_FIRST = 12;

/** What the file says of itself, oddities first, searchable; long tables open on request. */
export function MetadataTable({ rows }: { rows: MetadataRow[] }) {
  const [query, setQuery] = useState("");
  const [all, setAll] = useState(false);
  const wanted = query.trim().toLowerCase();
  const matching = wanted ? rows.filter((row) => `${row.group} ${row.name} ${row.value}`.toLowerCase().includes(wanted)) : rows;
  const shown = all ? matching : matching.slice(0, AT_FIRST);
  const odd = rows.filter((row) => row.odd).length;
  return (
    <>
      <div class="row row-spread">
        <div>
          <h2 id="metadata-title">{t("metadata.title")}</h2>
          <p class="small muted">{rows.length ? `${tn("metadata.count", rows.length)} · ${odd ? tn("metadata.odd", odd) : t("metadata.noneodd")}` : ""}</p>
        </div>
        {rows.length > 8 && (
          <label class="search">
            <Icon name="search" />
            <span class="hidden">{t("metadata.search")}</span>
            <input type="search" placeholder={t("metadata.search")} value={query} onInput={(event) => setQuery(event.currentTarget.value)} />
          </label>
        )}
      </div>
      {rows.length === 0 ? (
        <p class="muted">{t("metadata.empty")}</p>
      ) : (
        <div class="table-box" tabIndex={0} role="group" aria-labelledby="metadata-title">
          <table class="metadata">
            <thead>
              <tr>
                <th scope="col">{t("metadata.field")}</th>
                <th scope="col">{t("metadata.value")}</th>
                {odd > 0 && <th scope="col">{t("metadata.note")}</th>}
              </tr>
            </thead>
            <tbody>
              {shown.map((row, i) => (
                <tr key={`${row.group}.${row.name}.${i}`} class={row.odd ? "odd" : ""}>
                  <th scope="row">
                    <span class="small muted">{row.group}</span> {row.name}
                  </th>
                  <td class="value">{row.value}</td>
                  {odd > 0 && (
                    <td>
                      {row.odd && (
                        <span class="odd-note">
                          <Icon name="triangle" size={14} /> {row.note || t("metadata.remarkable")}
                        </span>
                      )}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > 0 && matching.length === 0 && <p class="muted">{t("metadata.nomatch")}</p>}
      {matching.length > shown.length && (
        <button type="button" onClick={() => setAll(true)}>
          {tn("metadata.more", matching.length - shown.length)}
        </button>
      )}
    </>
  );
}
