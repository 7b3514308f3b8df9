/** One combobox for every kind of select, single or multiple, with typed search. */

import { freshId, h, icon } from "./dom.js";
import { place } from "./popup.js";

/**
 * `load(query)` gives groups: [{ label?, options: [{ key, text, description?, raw }] }].
 * `chosen` holds options; `change(options)` hears each new choice, and may answer false to refuse it.
 */
export function combobox({ label, placeholder, multiple = false, max = Infinity, load, chosen = [], change, dataset }) {
  const listId = freshId("list");
  const input = h("input", {
    type: "text",
    role: "combobox",
    class: "select-input",
    "aria-label": label,
    "aria-controls": listId,
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
  });
  const list = h("div", {
    class: "menu select-list",
    role: "listbox",
    id: listId,
    popover: "manual",
    "aria-label": label,
    "aria-multiselectable": multiple ? "true" : null,
  });
  const chips = h("span", { class: "select-chips" });
  const field = h("div", { class: "select-field" }, chips, input, icon("down"));
  const root = h("div", { class: `select${multiple ? " select-multiple" : ""}`, dataset }, field, list);
  let shown = [];
  let active = -1;
  let asked = 0;

  const isOpen = () => list.matches(":popover-open");
  const isChosen = (option) => chosen.some((each) => each.key === option.key);

  function draw() {
    chips.replaceChildren(...(multiple ? chosen.map(chip) : []));
    input.value = multiple ? "" : (chosen[0]?.text ?? "");
    input.placeholder = multiple && chosen.length ? "" : placeholder;
    root.dataset.chosen = chosen.map((each) => each.key).join(",");
  }

  function chip(option) {
    const drop = h(
      "button",
      { type: "button", class: "chip-drop", "aria-label": `Remove ${option.text}` },
      icon("cross"),
    );
    drop.addEventListener("click", () => choose(chosen.filter((each) => each.key !== option.key)));
    return h("span", { class: "chip" }, option.text, drop);
  }

  async function choose(options) {
    const before = chosen;
    chosen = options;
    draw();
    if ((await change(options)) === false) {
      chosen = before;
      draw();
    }
  }

  function pick(option) {
    if (!multiple) {
      close();
      return choose([option]);
    }
    if (isChosen(option)) choose(chosen.filter((each) => each.key !== option.key));
    else if (chosen.length < max) choose([...chosen, option]);
    return open("");
  }

  async function open(query) {
    if (root.closest("[inert], fieldset:disabled")) return;
    const request = (asked += 1);
    if (!isOpen()) list.showPopover();
    input.setAttribute("aria-expanded", "true");
    list.replaceChildren(note("Searching …"));
    place(list, field, { matchWidth: true });
    const groups = await load(query).catch((error) => [{ label: error.message, options: [] }]);
    if (request !== asked || !isOpen()) return;
    shown = groups.flatMap((group) => group.options);
    active = shown.findIndex(isChosen);
    list.replaceChildren(
      ...groups.flatMap((group) => [group.label && note(group.label), ...group.options.map(row)]).filter(Boolean),
    );
    if (!shown.length) list.append(note("Nothing matches"));
    place(list, field, { matchWidth: true });
    mark();
  }

  const note = (words) => h("div", { class: "select-note", role: "presentation" }, words);

  function row(option) {
    const node = h(
      "div",
      {
        class: "menu-item select-option",
        role: "option",
        id: freshId("option"),
        "aria-selected": String(isChosen(option)),
        dataset: { value: option.key },
      },
      h("span", { class: "menu-text" }, option.text),
      option.description && h("span", { class: "menu-description" }, option.description),
    );
    node.addEventListener("pointerdown", (event) => event.preventDefault());
    node.addEventListener("click", () => pick(option));
    return node;
  }

  function mark() {
    const rows = [...list.querySelectorAll("[role=option]")];
    rows.forEach((node, index) => node.classList.toggle("is-active", index === active));
    rows[active]?.scrollIntoView({ block: "nearest" });
    if (rows[active]) input.setAttribute("aria-activedescendant", rows[active].id);
    else input.removeAttribute("aria-activedescendant");
  }

  function close() {
    asked += 1;
    if (isOpen()) list.hidePopover();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function key(event) {
    if (event.key === "Escape" && isOpen()) {
      // Only the list closes, not the modal around it.
      event.preventDefault();
      event.stopPropagation();
      close();
      draw();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen()) open("");
      else if (shown.length) {
        active = (active + (event.key === "ArrowDown" ? 1 : -1) + shown.length) % shown.length;
        mark();
      }
    } else if (event.key === "Enter" && isOpen()) {
      event.preventDefault();
      if (shown[active] ?? shown[0]) pick(shown[active] ?? shown[0]);
    } else if (event.key === "Backspace" && multiple && !input.value && chosen.length) {
      choose(chosen.slice(0, -1));
    }
  }

  input.addEventListener("input", () => open(input.value.trim()));
  input.addEventListener("keydown", key);
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", () => {
    close();
    draw();
  });
  field.addEventListener("click", (event) => {
    if (event.target.closest(".chip-drop")) return;
    input.focus();
    if (!isOpen()) open("");
  });
  draw();
  return root;
}

/** The groups with the options whose text contains the query. */
export function filtered(groups, query) {
  const wanted = query.toLocaleLowerCase();
  const matches = (option) => option.text.toLocaleLowerCase().includes(wanted);
  return groups
    .map((group) => ({ ...group, options: group.options.filter(matches) }))
    .filter((group) => group.options.length);
}
