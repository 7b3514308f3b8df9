/** What Slack's own client refuses before a form is sent. */

import { keyOf } from "./surface.js";

const MISSING = "Please complete this required field.";

/** A message by block id for each input that may not be sent as it is. */
export function problemsOf(view, values) {
  const problems = {};
  for (const block of (view.blocks ?? []).filter((each) => each?.type === "input")) {
    const message = problemOf(block, values.get(keyOf(block, block.element)));
    if (message) problems[block.block_id] = message;
  }
  return problems;
}

function problemOf(block, value) {
  const content = contentOf(value);
  const isEmpty = content === null || content === undefined || content === "" || content.length === 0;
  if (isEmpty) return block.optional || block.element.type === "file_input" ? null : MISSING;
  return CHECKS[block.element.type]?.(String(content), block.element) ?? null;
}

function contentOf(value) {
  const { type, ...state } = value ?? {};
  return Object.values(state)[0];
}

const CHECKS = {
  __proto__: null,
  plain_text_input: (content, { min_length: least }) => (content.length < (least ?? 0) ? `Please write at least ${least} characters.` : null),
  email_text_input: (content) => (/^[^@\s]+@[^@\s]+$/.test(content) ? null : "Please enter an email address."),
  url_text_input: (content) => (URL.canParse(content) ? null : "Please enter a whole address, with https://"),
  number_input: number,
};

function number(content, element) {
  const pattern = element.is_decimal_allowed ? /^-?\d+(\.\d+)?$/ : /^-?\d+$/;
  if (!pattern.test(content)) return element.is_decimal_allowed ? "Please enter a number." : "Please enter a whole number.";
  if (element.min_value !== undefined && Number(content) < Number(element.min_value)) return `Please enter ${element.min_value} or more.`;
  if (element.max_value !== undefined && Number(content) > Number(element.max_value)) return `Please enter ${element.max_value} or less.`;
  return null;
}
