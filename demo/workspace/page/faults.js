/** What goes wrong on request, and the workspace's clock: a small panel in the banner. */

import { get, post } from "./api.js";
import { apps, channels, conversationName, people } from "./directory.js";
import { fill, h } from "./dom.js";

const DEFAULTS = { times: "1", seconds: "5", status: "503", error: "fatal_error", reason: "refresh_requested" };
const NUMBERS = new Set(["times", "seconds", "status"]);
const MOVES = {
  "+1 minute": { advance_seconds: 60 },
  "+1 hour": { advance_seconds: 3600 },
  "+1 day": { advance_seconds: 86_400 },
  "60 times as fast": { speed: 60 },
  "normal speed": { speed: 1 },
};

/** Draws the panel when it is opened; the answer redraws the list of what is still to come. */
export async function drawFaults(node) {
  const known = await get("faults");
  const planned = h("ul", { class: "faults-planned" });
  const summary = h("summary", {}, "Faults");
  node.addEventListener("toggle", () => fill(node, summary, node.open && [...panel(known), planned]));
  fill(node, summary);
  return (faults) => fill(planned, faults.map((each) => h("li", {}, `${each.kind} on ${each.target}, ${each.times} to come`)));
}

function panel(known) {
  const told = h("output", { class: "faults-told", "aria-live": "polite" });
  const fields = h("span", { class: "faults-fields" });
  const kind = h("select", { "aria-label": "Fault" }, Object.keys(known.kinds).map(option));
  const ask = async (path, body, words) => {
    try {
      await post(path, body);
      told.textContent = words;
    } catch (error) {
      told.textContent = error.message;
    }
  };
  const showFields = () => fill(fields, known.kinds[kind.value].map((name) => field(name, known)));
  kind.addEventListener("change", showFields);
  const submit = (event) => {
    event.preventDefault();
    const given = [...fields.querySelectorAll("[name]")].map(({ name, value }) => [name, valueOf(name, value)]);
    ask("fault", { kind: kind.value, ...Object.fromEntries(given) }, `${kind.value}: asked for`);
  };
  const moves = Object.entries(MOVES).map(([words, move]) =>
    button(words, () => ask("clock", move, `the clock: ${words}`)),
  );
  showFields();
  return [h("form", { class: "faults-form", onsubmit: submit }, kind, fields, button("Do it"), ...moves), told];
}

const option = (given) => {
  const [value, words] = Array.isArray(given) ? given : [given, given];
  return h("option", { value }, words);
};
const button = (words, onclick) =>
  h("button", { type: onclick ? "button" : "submit", class: "button button-small", onclick }, words);

function valueOf(name, value) {
  if (NUMBERS.has(name)) return Number(value);
  return name === "enabled" ? value === "true" : value;
}

function field(name, known) {
  const choices = {
    method: () => ["*", ...known.methods],
    delivery: () => known.deliveries,
    enabled: () => ["true", "false"],
    user: () => people().filter((each) => each.kind !== "bot").map((each) => [each.id, each.real_name]),
    channel: () => channels().filter((each) => !each.is_im).map((each) => [each.id, conversationName(each)]),
    group: () => known.groups.map((each) => [each.id, each.name]),
    app_id: () => apps().map((each) => [each.id, each.name]),
  }[name];
  if (choices) return h("select", { name, "aria-label": name }, choices().map(option));
  return h("input", { name, "aria-label": name, value: DEFAULTS[name], class: "field faults-field" });
}
