// What a page can do beyond being read: sort, filter, walk over a heat map, be dark or light. No dependency; works from
// disk. The state of all tables is kept in the hash, so that the address of a page is a link to what it shows.
"use strict";

(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  // --- dark and light ------------------------------------------------------------------------------------------------

  const THEMES = ["system", "dark", "light"];
  const KEY = "harness-theme";

  // Storage may be forbidden, on disk or by the reader: then a choice lasts as long as the page.
  const remembered = () => {
    try { return localStorage.getItem(KEY); } catch { return null; }
  };
  const remember = (theme) => {
    try { localStorage.setItem(KEY, theme); } catch { /* lasts as long as the page */ }
  };

  const paint = (theme) => {
    if (theme === "system") delete root.dataset.theme; else root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.textContent = `Colours: ${theme === "system" ? "as the system" : theme}`;
    }
  };

  let theme = THEMES.includes(remembered()) ? remembered() : "system";
  paint(theme);  // before the body is there, so that nothing flashes

  const nextTheme = () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    remember(theme);
    paint(theme);
  };

  // --- the state in the hash -----------------------------------------------------------------------------------------

  const state = {
    // A hash without "=" is an anchor of the page and none of ours.
    read() {
      const hash = location.hash.slice(1);
      return new Map(hash.includes("=") ? new URLSearchParams(hash) : []);
    },
    write(values) {
      const hash = new URLSearchParams([...values].filter(([, value]) => value !== "")).toString();
      const url = `${location.pathname}${location.search}${hash ? `#${hash}` : ""}`;
      history.replaceState(null, "", url);
    },
    set(name, value) {
      const values = state.read();
      values.set(name, value);
      state.write(values);
    },
    of(id) {
      const mine = [...state.read()].filter(([name]) => name.startsWith(`${id}.`));
      return new Map(mine.map(([name, value]) => [name.slice(id.length + 1), value]));
    },
    clear(id) {
      state.write(new Map([...state.read()].filter(([name]) => !name.startsWith(`${id}.`))));
    },
  };

  // --- values --------------------------------------------------------------------------------------------------------

  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  const compare = (one, other) => {
    const [a, b] = [Number(one), Number(other)];
    return Number.isNaN(a) || Number.isNaN(b) ? order.compare(one, other) : a - b;
  };

  // What is unknown stays last, whichever way the column is sorted.
  const ordered = (rows, valueOf, down) => rows
    .map((row, place) => ({ row, place, value: valueOf(row) }))
    .sort((a, b) => {
      if (a.value === "" || b.value === "") return (a.value === "") - (b.value === "") || a.place - b.place;
      return (down ? -1 : 1) * compare(a.value, b.value) || a.place - b.place;
    })
    .map(({ row }) => row);

  const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  // --- tables of rows that are in the page ---------------------------------------------------------------------------

  const valueOf = (cell) => (cell ? cell.dataset.value ?? cell.textContent.trim() : "");

  const tableOf = (table) => {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const keys = [...table.tHead.rows[table.tHead.rows.length - 1].cells].map((th) => th.dataset.key ?? "");
    const cell = (row, key) => row.cells[keys.indexOf(key)];
    return {
      id: table.dataset.table,
      element: table,
      total: original.length,
      show({ sort, words, columns }) {
        const down = sort.startsWith("-");
        const key = sort.replace(/^-/, "");
        const rows = keys.includes(key) ? ordered(original, (row) => valueOf(cell(row, key)), down) : original;
        const fits = (row) => words.every((word) => row.textContent.toLowerCase().includes(word))
          && columns.every(({ key: column, value, several }) => {
            const found = valueOf(cell(row, column));
            return several ? found.split(/\s+/).includes(value) : found === value;
          });
        let left = 0;
        for (const row of rows) {
          row.hidden = !fits(row);
          left += !row.hidden;
        }
        body.append(...rows);
        return left;
      },
    };
  };

  // --- what all tables share: heads that sort, filters, counts -------------------------------------------------------

  const controlsOf = (id) => [...document.querySelectorAll("[data-filter]")].filter((c) => c.dataset.filter === id);
  const nameOf = (control) => control.dataset.column ?? "q";

  const wire = (made) => {
    const { id, element } = made;
    const heads = [...element.tHead.querySelectorAll("th[data-key]")].filter((th) => th.dataset.sort !== "none");
    const standing = element.dataset.sorted ?? "";

    const apply = () => {
      const asked = state.of(id);
      const sort = asked.get("sort") ?? standing;
      const columns = [];
      for (const control of controlsOf(id)) {
        const value = asked.get(nameOf(control)) ?? "";
        if (control.value !== value) control.value = value;
        if (control.dataset.column && value) {
          columns.push({ key: control.dataset.column, value, several: "words" in control.dataset });
        }
      }
      for (const th of heads) {
        const [up, down] = [sort === th.dataset.key, sort === `-${th.dataset.key}`];
        if (up || down) th.setAttribute("aria-sort", up ? "ascending" : "descending");
        else th.removeAttribute("aria-sort");
      }
      const left = made.show({ sort, words: wordsOf(asked.get("q") ?? ""), columns });
      if (left !== undefined) told(left, made.total);
    };

    const told = (left, total) => {
      for (const count of document.querySelectorAll(`[data-count="${CSS.escape(id)}"]`)) {
        count.textContent = left === total ? `${total.toLocaleString("en")}` : `${left.toLocaleString("en")} of ${total.toLocaleString("en")}`;
      }
    };

    const sortBy = (th) => {
      const key = th.dataset.key;
      const now = th.getAttribute("aria-sort");
      const down = now ? now === "ascending" : th.dataset.first === "desc";
      state.set(`${id}.sort`, `${down ? "-" : ""}${key}`);
      apply();
    };

    for (const th of heads) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sorter";
      button.append(...th.childNodes);
      button.addEventListener("click", () => sortBy(th));
      th.append(button);
    }
    for (const control of controlsOf(id)) {
      control.addEventListener("input", () => {
        state.set(`${id}.${nameOf(control)}`, control.value);
        apply();
      });
    }
    for (const button of document.querySelectorAll(`[data-reset="${CSS.escape(id)}"]`)) {
      button.addEventListener("click", () => {
        state.clear(id);
        apply();
      });
    }
    made.told = told;
    window.addEventListener("hashchange", apply);
    apply();
  };

  // --- heat maps -----------------------------------------------------------------------------------------------------

  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  const walk = (table) => {
    const linksOf = (row) => [...row.cells].map((cell) => cell.querySelector("a"));
    const rowsOf = () => [...table.tBodies[0].rows].filter((row) => !row.hidden).map(linksOf);
    const links = () => rowsOf().flat().filter(Boolean);

    const enter = (link) => {
      for (const other of table.querySelectorAll("tbody a")) other.tabIndex = other === link ? 0 : -1;
    };

    // The next cell that way that is a link; cells without trials are stepped over.
    const next = (from, [down, across]) => {
      const rows = rowsOf();
      let row = rows.findIndex((cells) => cells.includes(from));
      let column = rows[row].indexOf(from);
      do {
        row += down;
        column += across;
        if (rows[row]?.[column]) return rows[row][column];
      } while (rows[row] && column >= 0 && column < rows[row].length);
      return from;
    };

    table.addEventListener("keydown", (event) => {
      const from = event.target.closest("tbody a");
      if (!from || event.ctrlKey || event.altKey || event.metaKey) return;
      const all = links();
      const to = event.key in STEPS ? next(from, STEPS[event.key])
        : event.key === "Home" ? all[0] : event.key === "End" ? all[all.length - 1] : null;
      if (!to) return;
      event.preventDefault();
      enter(to);
      to.focus();
    });
    table.addEventListener("focusin", (event) => {
      const link = event.target.closest("tbody a");
      if (link) enter(link);
    });
    enter(links()[0]);
  };

  // --- start ---------------------------------------------------------------------------------------------------------

  document.addEventListener("DOMContentLoaded", () => {
    paint(theme);
    for (const button of document.querySelectorAll("[data-theme-toggle]")) button.addEventListener("click", nextTheme);
    for (const table of document.querySelectorAll("table[data-table]")) wire(tableOf(table));
    for (const table of document.querySelectorAll("table[data-grid]")) walk(table);
  });
})();
