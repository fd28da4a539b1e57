// The page's few movements: fetch what changed, send what the person does. No state but what is typed.
(() => {
  "use strict";
  const me = document.body.dataset.as;
  const place = document.body.dataset.in;
  const parts = ["sidebar", "main", "modal"];
  const drawn = {};
  const postponed = new Set();
  let fetching = false;
  let again = false;

  const post = async (verb, body) => {
    const response = await fetch(`/control/slack/act/${verb}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ as: me, ...body }),
    });
    return response.json();
  };

  const toast = (text) => {
    const line = document.createElement("p");
    line.textContent = text;
    line.dataset.testid = "toast";
    document.getElementById("toasts").append(line);
    setTimeout(() => line.remove(), 7000);
  };

  const act = async (verb, body, source) => {
    source?.setAttribute("aria-busy", "true");
    try {
      const answer = await post(verb, body);
      const shownInModal = verb === "submit";
      const told = answer.error_shown ?? (answer.ok ? null : answer.reason);
      if (told && !shownInModal && verb !== "slash") toast(told);
    } catch {
      toast(document.body.dataset.away);
    } finally {
      source?.removeAttribute("aria-busy");
    }
    await refresh();
  };

  // --- drawing again what changed ---

  const isHeldOpen = (part) => part.querySelector("dialog[open], details[open]") !== null;

  const remembering = (part, redraw) => {
    const active = part.contains(document.activeElement) ? document.activeElement : null;
    const id = active?.id;
    const [from, to] = active && "selectionStart" in active ? [active.selectionStart, active.selectionEnd] : [];
    const scroller = part.querySelector(".scroll, .modal-body");
    const top = scroller?.scrollTop ?? 0;
    const atEnd = scroller ? scroller.scrollHeight - top - scroller.clientHeight < 40 : true;
    redraw();
    const fresh = part.querySelector(".scroll, .modal-body");
    if (fresh) fresh.scrollTop = fresh.dataset.stick && atEnd ? fresh.scrollHeight : top;
    const again = id && document.getElementById(id);
    if (again) {
      again.focus();
      if (from !== undefined && from !== null) again.setSelectionRange(from, to);
    }
  };

  const put = (name, html) => {
    const part = document.getElementById(name);
    if (drawn[name] === html) return;
    if (isHeldOpen(part)) {
      postponed.add(name);
      return;
    }
    postponed.delete(name);
    drawn[name] = html;
    const opening = name === "modal" && part.childElementCount === 0;
    remembering(part, () => { part.innerHTML = html; });
    if (name === "modal") modalCame(opening);
  };

  // Behind a modal nothing can be reached, by key or by pointer.
  const modalCame = (opening) => {
    const modal = document.querySelector(".modal");
    for (const behind of document.querySelectorAll(".sidebar, .pane")) behind.inert = modal !== null;
    if (opening) modal?.querySelector("[data-focus], input, textarea, .button")?.focus();
  };

  const refresh = async () => {
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    try {
      do {
        again = false;
        await flush();
        const response = await fetch(`/page/parts?as=${me}&in=${place}`);
        const fresh = await response.json();
        for (const name of parts) put(name, fresh[name]);
      } while (again);
    } finally {
      fetching = false;
    }
  };

  // --- what is typed is told to the server before it is needed or drawn over ---

  const fill = async (field) => {
    delete field.dataset.dirty;
    await post("fill", { target: targetOf(field), value: field.value });
  };

  const flush = () => Promise.all([...document.querySelectorAll("[data-dirty]")].map(fill));

  const targetOf = ({ dataset }) => [dataset.surface, dataset.block, dataset.action, dataset.value];

  // --- what the person does ---

  const asked = (source) => {
    let dialog = source.nextElementSibling;
    if (!dialog || !dialog.matches("dialog")) {
      dialog = source.closest(".overflow, .choices")?.nextElementSibling;
    }
    if (!dialog || !dialog.matches("dialog")) return Promise.resolve(null);
    return new Promise((resolve) => {
      dialog.showModal();
      dialog.onclick = (event) => {
        const answer = event.target.dataset.answer;
        if (answer) dialog.close(answer);
      };
      dialog.onclose = () => resolve(dialog.returnValue === "yes");
    });
  };

  const bodyOf = async (source) => {
    const body = { target: targetOf(source) };
    const option = source.dataset.option ?? (source.matches("select, [data-search]") ? source.value : undefined);
    if (option !== undefined) body.option = option;
    if (source.type === "checkbox") body.on = source.checked;
    if (source.dataset.on === "false") body.on = false;
    body.confirm = await asked(source);
    return body;
  };

  document.addEventListener("click", async (event) => {
    for (const menu of document.querySelectorAll("details.overflow[open]")) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    }
    const toggle = event.target.closest("[data-tour]");
    if (toggle) {
      document.cookie = `tour=${toggle.dataset.tour}; path=/; max-age=31536000; samesite=lax`;
      await refresh();
      return;
    }
    const source = event.target.closest("[data-act]");
    if (!source || source.hasAttribute("aria-busy")) return;
    source.closest("details")?.removeAttribute("open");
    const verb = source.dataset.act;
    await flush();
    if (verb === "submit") await act("submit", {}, source);
    else if (verb === "close") await act("close", { all: source.dataset.all === "true" }, source);
    else await act(verb, await bodyOf(source), source);
  });

  document.addEventListener("change", async (event) => {
    const source = event.target;
    if (source.dataset.go === "as") location.href = `/?as=${source.value}&in=${place.startsWith("D") ? "dm" : place}`;
    else if (source.dataset.change === "choose") await act("choose", await bodyOf(source), source);
    else if ("fill" in source.dataset && "dirty" in source.dataset) await fill(source);
  });

  // --- what is typed into an external select is searched for by the bot ---

  const search = async (field) => {
    const typed = field.value;
    if (typed.length < Number(field.dataset.search)) return;
    const found = await post("search", { target: targetOf(field), value: typed });
    if (!found.ok || field.value !== typed) return;
    field.list?.replaceChildren(...found.options.map((label) => new Option(label, label)));
  };

  for (const news of ["focusin", "input"]) {
    document.addEventListener(news, (event) => {
      if (event.target.dataset && "search" in event.target.dataset) search(event.target);
    });
  }

  document.addEventListener("input", (event) => {
    if ("fill" in event.target.dataset) event.target.dataset.dirty = "yes";
  });

  document.addEventListener("keydown", async (event) => {
    const modal = document.querySelector(".modal");
    if (!modal || event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") await act("close", {});
    if (event.key === "Enter" && event.target.matches(".modal input[data-fill]")) {
      modal.querySelector('[data-act="submit"]')?.click();
    }
  });

  document.addEventListener("toggle", () => { if (postponed.size) refresh(); }, true);
  document.addEventListener("close", () => { if (postponed.size) refresh(); }, true);

  const composer = document.getElementById("composer");
  composer?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = composer.elements.text;
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    await act("slash", { text, in: place }, composer.querySelector("button"));
    field.focus();
  });

  // --- beginning ---

  const scroller = document.querySelector('.scroll[data-stick="bottom"]');
  if (scroller) scroller.scrollTop = scroller.scrollHeight;
  if (place === "home") post("home", {});
  else if (place === document.body.dataset.dm) post("open-dm", {});
  const news = new EventSource(`/page/changes?since=${document.body.dataset.revision}`);
  news.onmessage = refresh;
  composer?.elements.text.focus();
  modalCame(true);
  refresh();
})();
