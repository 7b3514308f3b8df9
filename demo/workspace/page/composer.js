/** Where a person types: messages, slash commands, and what the workspace said of them. */

import { freshId, h, icon } from "./dom.js";
import { menuButton, place } from "./popup.js";

/**
 * `send(text)` resolves when the workspace took it and throws an Error whose message is shown; the text stays then.
 * `commands()` gives [{ command, description, usage_hint }]; none are offered in threads.
 */
export function composer({ draftKey, label, commands, shortcuts, runShortcut, send, warning }) {
  const listId = freshId("commands");
  const box = h("textarea", {
    class: "composer-text",
    rows: 1,
    "aria-label": label,
    placeholder: label,
    "aria-controls": listId,
    "aria-autocomplete": "list",
    dataset: { composer: "" },
  });
  const list = h("div", {
    class: "menu command-list",
    role: "listbox",
    id: listId,
    popover: "manual",
    "aria-label": "Slash commands",
  });
  const hint = h("p", { class: "composer-hint", hidden: true });
  const problem = h("p", { class: "composer-problem", role: "alert", hidden: true });
  const button = h(
    "button",
    { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)" },
    icon("send"),
  );
  const items = shortcuts.map((each) => ({
    text: each.name,
    description: each.description,
    pick: () => runShortcut(each),
  }));
  const plus = items.length > 0 && menuButton({ label: "Shortcuts", symbol: "plus", items });
  const frame = h("div", { class: "composer-frame" }, plus, box, button);
  const form = h(
    "form",
    { class: "composer" },
    frame,
    list,
    hint,
    problem,
    warning && h("p", { class: "composer-hint" }, warning),
  );
  let matches = [];
  let active = 0;

  box.value = sessionStorage.getItem(draftKey) ?? "";

  function grow() {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 260)}px`;
    button.disabled = !box.value.trim();
  }

  function edited() {
    sessionStorage.setItem(draftKey, box.value);
    problem.hidden = true;
    grow();
    suggest();
  }

  function suggest() {
    const word = /^\/\S*$/.test(box.value) ? box.value : null;
    matches = word ? commands().filter(({ command }) => command.startsWith(word)) : [];
    active = 0;
    if (matches.length) show();
    else close();
    const typed = commands().find(({ command }) => box.value.startsWith(`${command} `));
    hint.hidden = !typed?.usage_hint;
    hint.replaceChildren(...(typed?.usage_hint ? [h("code", {}, `${typed.command} ${typed.usage_hint}`)] : []));
  }

  function show() {
    list.replaceChildren(...matches.map(row));
    if (!list.matches(":popover-open")) list.showPopover();
    place(list, frame, { matchWidth: true });
    box.setAttribute("aria-activedescendant", list.children[active].id);
  }

  function row({ command, description, usage_hint: usage }, index) {
    const node = h(
      "div",
      {
        class: `menu-item${index === active ? " is-active" : ""}`,
        role: "option",
        id: freshId("command"),
        "aria-selected": String(index === active),
        dataset: { command },
      },
      h("span", { class: "menu-text" }, h("strong", {}, command), usage && h("span", { class: "usage" }, ` ${usage}`)),
      h("span", { class: "menu-description" }, description),
    );
    node.addEventListener("pointerdown", (event) => event.preventDefault());
    node.addEventListener("click", () => complete(index));
    return node;
  }

  function close() {
    if (list.matches(":popover-open")) list.hidePopover();
    box.removeAttribute("aria-activedescendant");
  }

  function complete(index) {
    box.value = `${matches[index].command} `;
    edited();
    box.focus();
  }

  function move(step) {
    active = (active + step + matches.length) % matches.length;
    show();
  }

  async function submit() {
    const typed = box.value.trim();
    if (!typed || box.readOnly) return;
    close();
    problem.hidden = true;
    box.readOnly = true;
    form.ariaBusy = "true";
    try {
      await send(typed);
      box.value = "";
      sessionStorage.removeItem(draftKey);
      suggest();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    } finally {
      box.readOnly = false;
      form.ariaBusy = null;
      grow();
    }
  }

  function key(event) {
    if (event.isComposing) return;
    const isListOpen = list.matches(":popover-open");
    const isComplete = matches.some(({ command }) => command === box.value);
    if (isListOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (isListOpen && event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (isListOpen && (event.key === "Tab" || (event.key === "Enter" && !isComplete)) && !event.shiftKey) {
      event.preventDefault();
      complete(active);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  }

  box.addEventListener("input", edited);
  box.addEventListener("keydown", key);
  box.addEventListener("blur", close);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  frame.addEventListener("click", (event) => event.target === frame && box.focus());
  requestAnimationFrame(grow);
  return { node: form, focus: () => box.focus() };
}
