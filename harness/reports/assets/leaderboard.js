// The leaderboard's ranking by a capability: what the cells show for each scope was computed before and stands in the
// page; this puts it in its place. No figure is computed here.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const select = document.querySelector("[data-scope]");
  const stored = document.getElementById("scopes");
  if (!select || !stored) return;
  const scopes = JSON.parse(stored.textContent);
  const name = `${select.dataset.scope}.scope`;
  const rows = [...document.querySelectorAll("tr[data-row]")];
  const note = document.querySelector("[data-scope-note]");
  let shown = "";

  const hash = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

  const fill = (row, cells) => {
    const part = (which) => row.querySelector(`[data-part="${which}"]`);
    row.querySelector('[data-cell="rank"]').dataset.value = cells.place;
    row.querySelector('[data-cell="rate"]').dataset.value = cells.value;
    part("rank").textContent = cells.rank;
    part("ranks").setAttribute("x", cells.from);
    part("ranks").setAttribute("width", cells.wide);
    part("rate").textContent = cells.rate;
    part("within").textContent = cells.within;
    part("range").setAttribute("x", cells.low);
    part("range").setAttribute("width", cells.width);
    part("dot").setAttribute("cx", cells.dot);
    part("why").textContent = cells.why;
    part("known").hidden = cells.why !== "";
    part("why").hidden = cells.why === "";
  };

  const words = (scope) => {
    const label = select.selectedOptions[0].textContent;
    const { why } = scopes[scope];
    return `Rank and pass rate are those of ${label}${why ? `: ${why}` : ""}. All other columns speak of all tasks.`;
  };

  // The table's own script sorts by what the cells hold, and does so whenever the hash is said to have changed.
  const show = () => {
    const asked = hash().get(name) ?? "";
    const scope = Object.hasOwn(scopes, asked) ? asked : "";
    select.value = scope;
    if (scope === shown) return;
    shown = scope;
    for (const row of rows) fill(row, scopes[scope].rows[row.dataset.row]);
    note.hidden = scope === "";
    note.textContent = scope === "" ? "" : words(scope);
    window.dispatchEvent(new Event("hashchange"));
  };

  select.addEventListener("change", () => {
    const values = hash();
    if (select.value) values.set(name, select.value); else values.delete(name);
    const rest = values.toString();
    history.replaceState(null, "", `${location.pathname}${location.search}${rest ? `#${rest}` : ""}`);
    show();
  });
  for (const button of document.querySelectorAll(`[data-reset="${select.dataset.scope}"]`)) {
    button.addEventListener("click", show);
  }
  window.addEventListener("hashchange", show);
  show();
});
