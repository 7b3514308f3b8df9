/** Block Kit's typed inputs: text, numbers, addresses, dates, times. */

import { freshId, h } from "./dom.js";
import { plain } from "./mrkdwn.js";

const TEXT_TYPES = {
  __proto__: null,
  plain_text_input: "text",
  number_input: "text",
  email_text_input: "email",
  url_text_input: "url",
};
const PICKERS = { __proto__: null, datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" };

export const isField = (type) =>
  type in TEXT_TYPES || type in PICKERS || type === "rich_text_input" || type === "file_input";

export function fieldElement(element, block, surface, use) {
  if (element.type === "file_input") return files(element, surface, use);
  if (element.type in PICKERS) return picker(element, use);
  return textField(element, use);
}

/** Files go to the workspace when they are chosen; the form carries what it answered. */
function files(element, surface, { label, change, dataset }) {
  const accept = element.filetypes?.map((each) => `.${each}`).join(",");
  const problem = h("p", { class: "message-problem", role: "alert" });
  const node = h("input", {
    class: "field",
    type: "file",
    multiple: (element.max_files ?? 10) > 1,
    accept,
    "aria-label": label,
    dataset,
  });
  node.addEventListener("change", async () => {
    try {
      change({ files: await Promise.all([...node.files].map((file) => surface.upload(file))) });
      problem.textContent = "";
    } catch (error) {
      problem.textContent = error.message;
    }
  });
  return h("div", {}, node, problem);
}

function textField(element, { label, value, change, dispatch, dataset }) {
  const isRich = element.type === "rich_text_input";
  const isLong = element.multiline || isRich;
  const node = h(isLong ? "textarea" : "input", {
    class: "field",
    rows: isLong ? 4 : null,
    type: isLong ? null : TEXT_TYPES[element.type],
    inputmode: element.type === "number_input" ? (element.is_decimal_allowed ? "decimal" : "numeric") : null,
    placeholder: element.placeholder && plain(element.placeholder),
    maxlength: element.max_length,
    "aria-label": label,
    id: freshId("field"),
    dataset,
  });
  node.value = (isRich ? richTextAsTyped(value.rich_text_value) : value.value) ?? "";
  const state = () =>
    isRich ? { rich_text_value: node.value ? typedAsRichText(node.value) : null } : { value: node.value || null };
  const when = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  node.addEventListener("input", () => {
    change(state());
    if (dispatch && when.includes("on_character_entered")) dispatch();
  });
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && dispatch && !isLong && when.includes("on_enter_pressed")) {
      event.preventDefault();
      dispatch();
    }
  });
  return node;
}

const typedAsRichText = (words) => ({
  type: "rich_text",
  elements: [{ type: "rich_text_section", elements: [{ type: "text", text: words }] }],
});
const richTextAsTyped = (block) =>
  block?.elements
    ?.flatMap((part) => part.elements ?? [])
    .map((leaf) => leaf.text ?? "")
    .join("");

function picker(element, { label, value, change, dispatch, dataset }) {
  const node = h("input", { class: "field field-picker", type: PICKERS[element.type], "aria-label": label, dataset });
  node.value = asTyped(element.type, value);
  node.addEventListener("change", () => {
    change(asState(element.type, node.value));
    dispatch?.();
  });
  return node;
}

function asTyped(type, value) {
  if (type === "datepicker") return value.selected_date ?? "";
  if (type === "timepicker") return value.selected_time ?? "";
  if (!value.selected_date_time) return "";
  const moment = new Date(value.selected_date_time * 1000);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function asState(type, typed) {
  if (type === "datepicker") return { selected_date: typed || null };
  if (type === "timepicker") return { selected_time: typed || null };
  return { selected_date_time: typed ? Math.floor(new Date(typed).getTime() / 1000) : null };
}
