/** A conversation on the page: its head, its messages, its composer. */

import { get, post } from "./api.js";
import { composer } from "./composer.js";
import { fill, h } from "./dom.js";
import { requireAck } from "./surface.js";
import { timeline } from "./timeline.js";

/**
 * Fills `node` with a conversation. `place`: { as, channel, thread or null }.
 * `use`: { head, label, announce, empty, warning, commands(), shortcuts(type), openThread or null }.
 */
export function pane(node, place, use) {
  const list = timeline({ label: use.label, announce: use.announce, empty: use.empty });
  const problem = h("p", { class: "pane-problem", role: "alert", hidden: true });
  const runShortcut = (shortcut, message) =>
    report(
      problem,
      post("shortcut", {
        as: place.as,
        callback_id: shortcut.callback_id,
        channel: place.channel,
        ts: message?.ts,
      }).then(requireAck),
    );
  const actions = { ...place, openThread: use.openThread, shortcuts: use.shortcuts("message"), runShortcut };
  const box = composer({
    draftKey: ["draft", place.as, place.channel, place.thread].join(" "),
    label: use.composerLabel,
    warning: use.warning,
    commands: place.thread ? () => [] : use.commands,
    shortcuts: use.shortcuts("global"),
    runShortcut,
    send: (text) => send(place, text),
  });
  fill(node, use.head, problem, list.node, box.node);

  async function refresh() {
    try {
      const { messages } = await get("messages", {
        as: place.as,
        channel: place.channel,
        thread_ts: place.thread,
        limit: 200,
      });
      list.update(messages, actions);
      problem.hidden = true;
    } catch (error) {
      tell(problem, error.message);
    }
  }

  return { refresh, focus: box.focus };
}

async function report(line, answer) {
  line.hidden = true;
  await answer.catch((error) => tell(line, error.message));
}

function tell(line, words) {
  line.textContent = words;
  line.hidden = false;
}

/** Slack's words for a command that did not reach its app. */
async function send({ as, channel, thread }, text) {
  const { kind, ack } = await post("type", { as, channel, text, thread_ts: thread ?? undefined });
  if (kind !== "command" || ack?.ok !== false) return;
  throw new Error(ack.text ?? `${text.split(/\s/)[0]} failed with the error "${ack.error ?? "dispatch_failed"}"`);
}
