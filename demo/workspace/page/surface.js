/** What surrounds blocks, a message or a view: it holds their inputs and sends their actions. */

import { post, upload } from "./api.js";
import { h } from "./dom.js";

/**
 * @typedef {object} Surface
 * @property {(element, block, value) => Promise<false | undefined>} act  sends the action; false when it was not taken
 * @property {(element, block, query: string) => Promise<object>} options  asks for suggestions
 * @property {(file: File) => Promise<object>} upload  gives the workspace a file; answers it as apps see it
 * @property {Map<string, object>} values  the state of the inputs shown, by `keyOf`
 * @property {Map<string, object>} [remembered]  what was typed before the view was drawn again
 * @property {(block) => object | undefined} fileOf  the file that a file block points to
 */

const SEPARATOR = "\u0000";

export const keyOf = (block, element) => `${block.block_id}${SEPARATOR}${element.action_id}`;

/** What the workspace knows a person typed into a view, by `keyOf`. */
export function mapOf(view) {
  const actions = Object.entries(view.state?.values ?? {});
  return new Map(
    actions.flatMap(([blockId, byAction]) =>
      Object.entries(byAction).map(([actionId, value]) => [blockId + SEPARATOR + actionId, value]),
    ),
  );
}

/** The inputs in the nested shape of view.state.values. */
export function valuesOf(values) {
  const nested = {};
  for (const [key, value] of values) {
    const [blockId, actionId] = key.split(SEPARATOR);
    (nested[blockId] ??= {})[actionId] = value;
  }
  return nested;
}

/** Throws when the app was asked and did not acknowledge. */
export function requireAck(answer) {
  if (answer.ack?.ok !== false) return answer;
  throw new Error(
    answer.ack.text ??
      `The app did not answer (${answer.ack.error ?? "no reason given"}). Look whether it happened before you try again.`,
  );
}

export function messageSurface(message, { as, channel }) {
  const problem = h("p", { class: "message-problem", role: "alert", hidden: true });
  return {
    ...surface({ as, channel, ts: message.ts }, "click", (words) => tell(problem, words)),
    problem,
    fileOf: (block) => fileOf(message, block),
  };
}

export function viewSurface(view, { as, fail, refetch, remembered }) {
  const plain = surface({ as, view_id: view.id }, "view/action", fail);
  const act = (...given) => plain.act(...given).finally(refetch);
  return { ...plain, act, remembered, fileOf: () => undefined };
}

function surface(where, path, fail) {
  const values = new Map();
  const named = (element, block) => ({ ...where, action_id: element.action_id, block_id: block.block_id });
  const act = async (element, block, value) => {
    fail("");
    try {
      requireAck(
        await post(path, { ...value, type: element.type, ...named(element, block), values: valuesOf(values) }),
      );
      return undefined;
    } catch (error) {
      fail(error.message);
      return false;
    }
  };
  const options = (element, block, query) => post("options", { ...named(element, block), value: query });
  const send = (file) => upload(where.as, file);
  return { values, act, options, upload: send };
}

function tell(line, words) {
  line.textContent = words;
  line.hidden = !words;
}

const fileOf = (message, block) =>
  message.files?.find((file) => file.external_id === block.external_id || file.id === block.file_id);
