/** What cannot be shown is shown as itself, never left out. */

import { h, icon } from "./dom.js";

export function unknownBox(value, noun) {
  return h(
    "div",
    { class: "unknown", dataset: { unknown: noun } },
    h(
      "p",
      { class: "unknown-title" },
      icon("warning"),
      `This page does not know the ${noun} `,
      h("code", {}, String(value?.type ?? "without a type")),
    ),
    h("pre", {}, JSON.stringify(value, null, 2) ?? String(value)),
  );
}

function brokenBox(value, noun, error) {
  return h(
    "div",
    { class: "unknown", dataset: { broken: noun } },
    h("p", { class: "unknown-title" }, icon("warning"), `This ${noun} could not be shown: ${error.message}`),
    h("pre", {}, JSON.stringify(value, null, 2) ?? String(value)),
  );
}

/** The node that `make` makes, or a visible box saying why not. */
export function guarded(value, noun, make) {
  try {
    return make(value);
  } catch (error) {
    console.error(error);
    return brokenBox(value, noun, error);
  }
}
