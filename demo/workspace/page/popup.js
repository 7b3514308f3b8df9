/** Lists and menus that float above the page, modals included. */

import { freshId, h, icon } from "./dom.js";

const GAP_PX = 4;
const ROOM_PX = 180;

/** Puts a shown popover under its anchor, or above it where there is no room. */
export function place(popup, anchor, { align = "start", matchWidth = false } = {}) {
  const box = anchor.getBoundingClientRect();
  if (matchWidth) popup.style.width = `${Math.max(box.width, 220)}px`;
  const below = innerHeight - box.bottom;
  const isAbove = below < ROOM_PX && box.top > below;
  popup.style.maxHeight = `${Math.min((isAbove ? box.top : below) - 3 * GAP_PX, 340)}px`;
  const left = align === "end" ? box.right - popup.offsetWidth : box.left;
  popup.style.left = `${Math.max(GAP_PX, Math.min(left, innerWidth - popup.offsetWidth - GAP_PX))}px`;
  popup.style.top = isAbove ? "auto" : `${box.bottom + GAP_PX}px`;
  popup.style.bottom = isAbove ? `${innerHeight - box.top + GAP_PX}px` : "auto";
}

/**
 * A button that opens a menu.
 * `items`: [{ text, description?, href?, pick }], or a function that returns them when the menu opens.
 */
export function menuButton({ label, symbol, className = "icon-button", items, dataset }) {
  const menu = h("div", { class: "menu", role: "menu", popover: "auto", id: freshId("menu"), "aria-label": label });
  const button = h(
    "button",
    {
      type: "button",
      class: className,
      "aria-label": label,
      title: label,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      dataset,
    },
    icon(symbol),
  );
  const open = () => {
    const list = typeof items === "function" ? items() : items;
    menu.replaceChildren(...list.map((item) => menuItem(item, () => menu.hidePopover())));
    menu.showPopover();
    place(menu, button, { align: "end" });
    menu.querySelector("[role=menuitem]")?.focus();
  };
  // A popover is dismissed on pointer down, before the click: remember it, or the click would open it again.
  let wasOpen = false;
  button.addEventListener("pointerdown", () => (wasOpen = menu.matches(":popover-open")));
  button.addEventListener("click", () => {
    if (!wasOpen) open();
    wasOpen = false;
  });
  menu.addEventListener("keydown", (event) => walk(event, menu));
  menu.addEventListener("toggle", (event) => {
    button.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "closed" && menu.contains(document.activeElement)) button.focus();
  });
  return h("span", { class: "menu-anchor" }, button, menu);
}

function menuItem({ text, description, href, pick }, close) {
  const content = [
    h("span", { class: "menu-text" }, text),
    description && h("span", { class: "menu-description" }, description),
  ];
  const props = { class: "menu-item", role: "menuitem", tabIndex: -1 };
  const node = href
    ? h("a", { ...props, href, target: "_blank", rel: "noopener noreferrer" }, ...content)
    : h("button", { ...props, type: "button" }, ...content);
  node.addEventListener("click", () => {
    close();
    pick?.();
  });
  return node;
}

function walk(event, menu) {
  if (event.key === "Escape") {
    // Only the menu closes, not the modal around it.
    event.preventDefault();
    event.stopPropagation();
    menu.hidePopover();
    return;
  }
  const items = [...menu.querySelectorAll("[role=menuitem]")];
  const current = items.indexOf(document.activeElement);
  const target = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: items.length - 1 }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  items.at(target % items.length)?.focus();
}
