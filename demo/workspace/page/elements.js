/** Block Kit's interactive elements except selects and text fields. */

import { confirmed } from "./dialogs.js";
import { freshId, h, icon, image, safeUrl } from "./dom.js";
import { fieldElement, isField } from "./fields.js";
import { plain, text } from "./mrkdwn.js";
import { menuButton } from "./popup.js";
import { initialSelection, isSelect, selectElement } from "./selects.js";
import { keyOf } from "./surface.js";
import { unknownBox } from "./unknown.js";

/** An element as a node. `label` names it where nothing on the page does; `isInput` means no action is sent. */
export function renderElement(element, block, surface, { label, isInput = false } = {}) {
  const type = element?.type;
  if (type === "image") return image(element.image_url ?? element.slack_file?.url, element.alt_text, "accessory-image");
  const make = isSelect(type) ? selectElement : isField(type) ? fieldElement : ELEMENTS[type];
  if (!make) return unknownBox(element, "element");
  const key = keyOf(block, element);
  const remembered = surface.remembered?.get(key);
  const value = remembered?.type === type ? remembered : initialValue(element);
  if (value) surface.values.set(key, value);
  const dataset = { actionId: element.action_id, blockId: block.block_id };
  const change = (next) => (isInput ? keep(surface, key, element, next) : fire(element, block, surface, next));
  const dispatch =
    isInput && block.dispatch_action ? () => fire(element, block, surface, surface.values.get(key)) : null;
  const name = label ?? (element.placeholder ? plain(element.placeholder) : String(type).replaceAll("_", " "));
  return make(element, block, surface, { label: name, value, change, dispatch, dataset });
}

const NO_STATE = new Set(["button", "workflow_button", "overflow", "icon_button", "feedback_buttons"]);

function keep(surface, key, element, value) {
  surface.values.set(key, { type: element.type, ...value });
}

/** Asks, sends, and answers false when the person or the workspace said no. */
async function fire(element, block, surface, value) {
  if (!(await confirmed(element.confirm))) return false;
  if (!NO_STATE.has(element.type)) keep(surface, keyOf(block, element), element, value);
  return surface.act(element, block, value);
}

function initialValue(element) {
  const { type } = element;
  if (isSelect(type)) return { type, ...initialSelection(element) };
  const start = {
    checkboxes: () => ({ selected_options: element.initial_options ?? [] }),
    radio_buttons: () => ({ selected_option: element.initial_option ?? null }),
    datepicker: () => ({ selected_date: element.initial_date ?? null }),
    timepicker: () => ({ selected_time: element.initial_time ?? null }),
    datetimepicker: () => ({ selected_date_time: element.initial_date_time ?? null }),
    rich_text_input: () => ({ rich_text_value: element.initial_value ?? null }),
    file_input: () => ({ files: [] }),
  }[type];
  if (start) return { type, ...start() };
  return isField(type) ? { type, value: element.initial_value ?? null } : null;
}

const ELEMENTS = {
  __proto__: null,
  button,
  workflow_button: button,
  overflow,
  checkboxes: (element, block, surface, use) => choices(element, use, "checkbox"),
  radio_buttons: (element, block, surface, use) => choices(element, use, "radio"),
  icon_button: (element, block, surface, use) =>
    quietButton(element, use, element.icon === "trash" ? "cross" : "bolt", {}),
  feedback_buttons: feedback,
};

const STYLES = { primary: "button-primary", danger: "button-danger" };

function button(element, block, surface, { change, dataset }) {
  const props = { class: `button ${STYLES[element.style] ?? ""}`, "aria-label": element.accessibility_label, dataset };
  const url = element.url && safeUrl(element.url);
  const node = url
    ? h("a", { ...props, href: url, target: "_blank", rel: "noopener noreferrer" }, plain(element.text))
    : h("button", { ...props, type: "button" }, plain(element.text));
  node.addEventListener("click", () => whileBusy(node, () => change({ value: element.value })));
  return node;
}

function quietButton(element, { change, dataset }, symbol, value) {
  const label = element.accessibility_label ?? plain(element.text);
  const node = h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: plain(element.text), dataset },
    icon(symbol),
  );
  node.addEventListener("click", () => whileBusy(node, () => change(value)));
  return node;
}

function feedback(element, block, surface, use) {
  const one = (part, symbol) => quietButton(part, use, symbol, { value: part.value });
  return h(
    "span",
    { class: "feedback" },
    one(element.positive_button, "thumb_up"),
    one(element.negative_button, "thumb_down"),
  );
}

/** A second click while the first is under way does nothing. */
async function whileBusy(node, work) {
  if (node.ariaBusy === "true") return;
  node.ariaBusy = "true";
  try {
    await work();
  } finally {
    node.ariaBusy = null;
  }
}

function overflow(element, block, surface, { change, dataset }) {
  const items = (element.options ?? []).map((option) => ({
    text: plain(option.text),
    description: option.description && plain(option.description),
    href: option.url && safeUrl(option.url),
    pick: () => change({ selected_option: option }),
  }));
  return menuButton({ label: "More actions", symbol: "more", className: "button button-square", items, dataset });
}

function choices(element, { label, value, change, dataset }, kind) {
  const name = freshId("choice");
  const options = element.options ?? [];
  const inputs = options.map((option) => h("input", { type: kind, name, value: option.value }));
  let selected = [value.selected_options ?? value.selected_option].flat().filter(Boolean);
  const draw = () =>
    inputs.forEach((input) => (input.checked = selected.some((option) => option.value === input.value)));
  const row = (option, index) =>
    h(
      "label",
      { class: "choice" },
      inputs[index],
      h(
        "span",
        { class: "choice-text" },
        text(option.text),
        option.description && h("span", { class: "choice-description" }, text(option.description)),
      ),
    );
  const group = h(
    "div",
    { class: "choices", role: kind === "radio" ? "radiogroup" : "group", "aria-label": label, dataset },
    options.map(row),
  );
  group.addEventListener("change", async () => {
    const picked = options.filter((option, index) => inputs[index].checked);
    const refused =
      (await change(kind === "radio" ? { selected_option: picked[0] ?? null } : { selected_options: picked })) ===
      false;
    if (refused) draw();
    else selected = picked;
  });
  draw();
  return group;
}
