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

  const isNumber = (value) => value !== "" && !Number.isNaN(Number(value));

  // What is unknown stays last, whichever way the column is sorted. A column of numbers sorts by number, any other as text.
  const ordered = (rows, valueOf, down) => {
    const values = rows.map(valueOf);
    const numeric = values.every((value) => value === "" || isNumber(value));
    const known = numeric ? values.map((value) => (value === "" ? "" : Number(value))) : values;
    const sign = down ? -1 : 1;
    const places = [...rows.keys()].sort((a, b) => {
      const [one, other] = [known[a], known[b]];
      if (one === "" || other === "") return (one === "") - (other === "") || a - b;
      return sign * (numeric ? one - other : order.compare(one, other)) || a - b;
    });
    return places.map((place) => rows[place]);
  };

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

  // --- tables of rows that are in scripts beside the page (trials_data.py says what they hold) -----------------------

  const sources = new Map();  // name -> what waits for its index and its parts

  window.harnessData = (name, given) => {
    const waiting = sources.get(name);
    if (waiting) waiting(given);
  };

  const loadScript = (url) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(`${url} cannot be read`)));
    document.head.append(script);
  });

  const DASH = "–";
  const dollars = (amount) => (amount >= 1 || amount === 0
    ? `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}` : `$${amount.toFixed(4)}`);
  const tokens = (number) => (number < 1000 ? `${number}`
    : number < 999950 ? `${(number / 1000).toFixed(1)} k` : `${(number / 1e6).toFixed(2)} M`);
  const two = (number) => String(number).padStart(2, "0");
  const duration = (seconds) => {
    if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
    const whole = Math.round(seconds);
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
    return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  };

  const element = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const dataTable = async (table) => {
    const id = table.dataset.table;
    const base = table.dataset.from;
    const parts = [];
    let index = null;
    sources.set(id, (given) => { if ("part" in given) parts[given.part] = given; else index = given; });
    await loadScript(`${base}.js`);

    const need = async (numbers) => {
      for (const number of numbers) {
        if (!parts[number]) {
          place(`reading ${number + 1} of ${index.parts} …`);
          await loadScript(`${base}-${number}.js`);
        }
      }
    };
    const all = () => [...Array(index.parts).keys()];
    const place = (text) => {
      for (const output of document.querySelectorAll("[data-place]")) {
        if (output.dataset.place === id) output.textContent = text;
      }
    };

    // A row is its number; what it holds is looked up, since a million objects would take a gigabyte.
    const at = (row) => [parts[Math.floor(row / index.size)], row % index.size];
    const take = (row, column) => {
      const [part, place_] = at(row);
      return part[column][place_];
    };
    const textOf = (row, column) => {
      const [part, place_] = at(row);
      return part.texts[part[column][place_]];
    };
    const taskOf = (row) => index.tasks[take(row, "t")];
    const candidateOf = (row) => index.candidates[take(row, "c")];
    const VALUES = {
      task: (row) => take(row, "t"), candidate: (row) => take(row, "c"), outcome: (row) => take(row, "o"),
      ending: (row) => textOf(row, "e"), signs: (row) => (take(row, "f") ? textOf(row, "s") : ""),
      turns: (row) => take(row, "u") ?? "", tokens: (row) => take(row, "k") ?? "", cost: (row) => take(row, "m") ?? "",
      time: (row) => take(row, "w") ?? "",
    };
    const FITS = {
      task: (row, value) => taskOf(row) === value,
      candidate: (row, value) => candidateOf(row).id === value,
      outcome: (row, value) => index.outcomes[take(row, "o")] === value,
      suspicious: (row, value) => (value === "yes") === (take(row, "f") === 1),
    };
    const wordsIn = (row) => [taskOf(row), candidateOf(row).name, index.outcomes[take(row, "o")], textOf(row, "e"),
      textOf(row, "x"), textOf(row, "s")].join(" ").toLowerCase();

    // Rows of one task lie together, so a task needs the parts from its first row to the next task's.
    const partsOf = (task) => {
      const wanted = index.tasks.indexOf(task);
      return wanted < 0 ? [] : all().filter((n) => index.first[n] <= wanted && (index.first[n + 1] ?? wanted) >= wanted);
    };

    const idOf = (row) => {
      const [part, place_] = at(row);
      return part.ids[place_] ?? `${taskOf(row)}--${candidateOf(row).digest}--${take(row, "n")}`;
    };

    const draw = (row) => {
      const line = element("tr");
      const head = element("th");
      head.scope = "row";
      if (take(row, "p")) {
        const link = element("a", taskOf(row));
        link.href = `${table.dataset.pages}/${encodeURIComponent(`${idOf(row)}.html`)}`;
        head.append(link);
      } else head.append(taskOf(row));
      head.append(element("small", `attempt ${take(row, "n")}`));
      const outcome = index.outcomes[take(row, "o")];
      const judged = element("td");
      judged.append(element("span", outcome, `outcome ${outcome.replace(" ", "-")}`));
      const shown = (value, write) => element("td", value === null ? DASH : write(value), "num");
      const cost = take(row, "m");
      const known = take(row, "w") !== null;
      line.append(head, element("td", candidateOf(row).name), judged, element("td", textOf(row, "e"), "detail"),
        element("td", textOf(row, "x")), element("td", textOf(row, "s")), shown(take(row, "u"), String),
        shown(take(row, "k"), tokens), element("td", cost === null ? (known ? "unknown" : DASH) : dollars(cost), "num"),
        shown(take(row, "w"), duration));
      return line;
    };

    const fill = (column, options) => {
      const control = controlsOf(id).find((c) => c.dataset.column === column);
      for (const [value, text] of options) {
        const option = element("option", text);
        option.value = value;
        control?.append(option);
      }
    };
    fill("task", index.tasks.map((task) => [task, task]));
    fill("candidate", index.candidates.map((c) => [c.id, c.name]));
    fill("outcome", index.outcomes.map((outcome) => [outcome, outcome]));

    let rows = null;  // those that fit, in their order; null is all, as they stand
    let asked = "";
    let turn = 0;

    const find = async ({ sort, words, columns }) => {
      const task = columns.find(({ key }) => key === "task")?.value;
      const numbers = task === undefined ? all() : partsOf(task);
      await need(numbers);
      const found = [];
      for (const number of numbers) {
        for (let n = 0; n < parts[number].t.length; n += 1) {
          const row = number * index.size + n;
          if (columns.every(({ key, value }) => FITS[key](row, value))
            && (!words.length || words.every((word) => wordsIn(row).includes(word)))) found.push(row);
        }
      }
      const key = sort.replace(/^-/, "");
      return Object.hasOwn(VALUES, key) ? ordered(found, VALUES[key], sort.startsWith("-")) : found;
    };

    const show = async (wanted) => {
      const mine = turn += 1;
      const question = JSON.stringify(wanted);
      const plain = !wanted.sort && !wanted.words.length && !wanted.columns.length;
      if (question !== asked) {
        const found = plain ? null : await find(wanted);
        if (mine !== turn) return;  // asked for something else meanwhile
        rows = found;
        asked = question;
      }
      const total = rows ? rows.length : index.rows;
      const last = Math.max(0, Math.ceil(total / index.page) - 1);
      const page = Math.min(Math.max(0, Number(state.of(id).get("page") ?? 1) - 1 || 0), last);
      const begin = page * index.page;
      const end = Math.min(begin + index.page, total);
      const numbers = rows ? rows.slice(begin, end) : [...Array(end - begin).keys()].map((n) => begin + n);
      await need([...new Set(numbers.map((row) => Math.floor(row / index.size)))]);
      if (mine !== turn) return;
      table.tBodies[0].replaceChildren(...numbers.map(draw));
      place(total ? `${(begin + 1).toLocaleString("en")} to ${end.toLocaleString("en")} of ${total.toLocaleString("en")}` : "none");
      made.told(total, index.rows);
      for (const button of steps) button.disabled = button.dataset.step < 0 ? page === 0 : page === last;
      table.dataset.ready = question;
    };

    const steps = [...document.querySelectorAll("[data-step]")].filter((button) => button.dataset.of === id);
    for (const button of steps) {
      button.addEventListener("click", () => {
        const page = Number(state.of(id).get("page") ?? 1) || 1;
        const next = Math.max(1, page + Number(button.dataset.step));
        state.set(`${id}.page`, next === 1 ? "" : `${next}`);
        made.apply();
      });
    }
    const made = { id, element: table, total: index.rows, show: (wanted) => { show(wanted).catch(failed); } };
    const failed = (error) => place(error.message);
    return made;
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
        const [some, every] = [left.toLocaleString("en"), total.toLocaleString("en")];
        count.textContent = left === total ? every : `${some} of ${every}`;
      }
    };

    const sortBy = (th) => {
      const key = th.dataset.key;
      const now = th.getAttribute("aria-sort");
      const down = now ? now === "ascending" : th.dataset.first === "desc";
      state.set(`${id}.sort`, `${down ? "-" : ""}${key}`);
      state.set(`${id}.page`, "");
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
        state.set(`${id}.page`, "");
        apply();
      });
    }
    for (const button of document.querySelectorAll(`[data-reset="${CSS.escape(id)}"]`)) {
      button.addEventListener("click", () => {
        state.clear(id);
        apply();
      });
    }
    Object.assign(made, { told, apply });
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
    for (const table of document.querySelectorAll("table[data-table]:not([data-from])")) wire(tableOf(table));
    for (const table of document.querySelectorAll("table[data-from]")) {
      dataTable(table).then((made) => {
        wire(made);
        // A link to some rows, from elsewhere or from the heat map, leads to them.
        const go = () => { if (state.of(made.id).size) table.closest("section")?.scrollIntoView(); };
        window.addEventListener("hashchange", go);
        go();
      }).catch((error) => {
        for (const output of document.querySelectorAll("[data-place]")) output.textContent = error.message;
      });
    }
    for (const table of document.querySelectorAll("table[data-grid]")) walk(table);
  });
})();
