/** Wires the page: where it is (the address's hash), what it fetches, and what it draws. */

import { coalesced, follow, get, post } from "./api.js";
import { appBehind, apps, channel, channels, conversationName, learn, me, now } from "./directory.js";
import { h, icon } from "./dom.js";
import { drawFaults } from "./faults.js";
import { drawHome, forgetHome } from "./home.js";
import { showStack } from "./modal.js";
import { pane } from "./pane.js";
import { drawSidebar } from "./sidebar.js";
import { clock, full } from "./time.js";

const byId = (id) => document.getElementById(id);
const [sidebar, main, side] = ["sidebar", "main", "thread"].map(byId);

let here = {};
let state = null;
let showFaults = null;
let stopFeed = () => {};
/** The conversations drawn now, each with the place it was drawn for. */
const open = { channel: null, thread: null };

function readHash() {
  const given = new URLSearchParams(location.hash.slice(1));
  return {
    as: given.get("as") || sessionStorage.getItem("as"),
    channel: given.get("channel"),
    thread: given.get("thread"),
    app: given.get("app"),
  };
}

function go(part) {
  const next = { ...here, ...part };
  const given = Object.entries(next).filter(([, value]) => value);
  location.hash = new URLSearchParams(given).toString();
}

async function arrive() {
  const before = here;
  here = readHash();
  here.as ??= (await get("state").catch((error) => notify(error.message)))?.me.id;
  if (!here.as) return;
  if (here.as !== before.as) changePerson();
  await refreshState();
  await Promise.all([refreshConversations(), refreshViews()]);
  const isNewHome = here.app && (here.app !== before.app || here.as !== before.as);
  if (isNewHome) await post("home", { as: here.as, app_id: here.app }).catch((error) => notify(error.message));
}

function changePerson() {
  stopFeed();
  state = null;
  open.channel = open.thread = null;
  forgetHome(main);
  showStack([], { as: here.as });
  stopFeed = follow(here.as, { changed: onChange, status: showConnection });
}

function onChange(change) {
  if (change.everything || change.state || change.channel)
    refreshState().then(() => change.everything && refreshConversations());
  if (!change.everything && change.channel === here.channel) refreshConversations();
  if (change.everything || change.views) refreshViews();
}

const refreshState = coalesced(async () => {
  const { as } = here;
  const fetched = await get("state", { as }).catch((error) => notify(error.message));
  if (!fetched || as !== here.as) return;
  state = fetched;
  learn(state);
  sessionStorage.setItem("as", here.as);
  if (!channel(here.channel)) Object.assign(here, { channel: firstChannel(), thread: null });
  drawSidebar(sidebar, state, here, go);
  showClock();
  showFaults ??= await drawFaults(byId("faults")).catch((error) => notify(error.message));
  showFaults?.(state.faults);
});

/** Where a person starts, and where one lands who cannot see the channel that was open. */
const firstChannel = () => (channels().find((each) => each.is_member !== false) ?? channels()[0])?.id;

const refreshConversations = coalesced(async () => {
  if (!state) return;
  if (!here.app) drawChannel();
  drawThread();
  document.title = `${here.app ? apps().find((each) => each.id === here.app)?.name : titleOf(channel(here.channel))} · ${state.team.name}`;
  await Promise.all([!here.app && open.channel?.refresh(), open.thread?.refresh()]);
});

const refreshViews = coalesced(async () => {
  if (!state) return;
  const { as } = here;
  const views = await get("views", { as }).catch((error) => notify(error.message));
  if (!views || as !== here.as) return;
  showStack(views.stack, { as, refetch: refreshViews });
  const app = apps().find((each) => each.id === here.app);
  if (!app) return;
  open.channel = null;
  const home = views.homes.find((view) => view.app_id === app.id);
  drawHome(main, app, home, { as, refetch: refreshViews, go });
});

const titleOf = (conversation) => (conversation?.is_im ? "" : "#") + conversationName(conversation);
const isSame = (shown, place) => shown && Object.keys(place).every((key) => shown.place[key] === place[key]);
const shortcuts = (type) => (state.shortcuts ?? []).filter((each) => each.type === type);
const announce = (words) => (byId("announcer").textContent = words);

function drawChannel() {
  const place = { as: here.as, channel: here.channel, thread: null };
  const conversation = channel(here.channel);
  if (isSame(open.channel, place)) return;
  forgetHome(main);
  const title = titleOf(conversation);
  const head = h(
    "header",
    { class: "pane-head" },
    h("h2", { class: "pane-title" }, title),
    conversation?.topic && h("span", { class: "pane-topic" }, conversation.topic),
    homeButton(appBehind(conversation)),
  );
  open.channel = {
    place,
    ...pane(main, place, {
      ...common(title),
      head,
      label: `Messages in ${title}`,
      composerLabel: `Message ${title}`,
      openThread: (ts) => go({ thread: ts }),
    }),
  };
}

const homeButton = (app) =>
  app &&
  h(
    "button",
    { type: "button", class: "button button-small", onclick: () => go({ app: app.id, thread: null }) },
    "Home",
  );

function drawThread() {
  const place = { as: here.as, channel: here.channel, thread: here.thread };
  side.hidden = !here.thread;
  byId("app").classList.toggle("has-thread", Boolean(here.thread));
  if (!here.thread) open.thread = null;
  if (!here.thread || isSame(open.thread, place)) return;
  const title = titleOf(channel(here.channel));
  const head = h(
    "header",
    { class: "pane-head" },
    h("h2", { class: "pane-title" }, "Thread"),
    h("span", { class: "pane-topic" }, title),
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Close thread", onclick: () => go({ thread: null }) },
      icon("cross"),
    ),
  );
  open.thread = {
    place,
    ...pane(side, place, {
      ...common(title),
      head,
      label: `Thread in ${title}`,
      composerLabel: "Reply …",
      openThread: null,
    }),
  };
}

function common(title) {
  const isGone = me()?.kind === "deactivated";
  return {
    announce,
    shortcuts,
    commands: () => state.commands ?? [],
    empty: `Nothing has been said in ${title} yet.`,
    warning: isGone && "This account is deactivated: the workspace refuses what it does.",
  };
}

function showConnection(status) {
  const node = byId("connection");
  node.dataset.state = status;
  node.textContent = status === "live" ? "live" : "reconnecting …";
}

function showClock() {
  const offset = Math.round(state.clock_offset_seconds ?? 0);
  byId("clock").hidden = !offset;
  byId("clock").textContent = `Workspace clock: ${clock(now())} (moved ${offset > 0 ? "+" : ""}${offset} s)`;
  byId("clock").title = full(now());
}

/** A failure that belongs to no message, form or composer. */
function notify(words) {
  const line =
    main.querySelector(".pane-problem") ?? main.appendChild(h("p", { class: "pane-problem", role: "alert" }));
  line.textContent = words;
  line.hidden = false;
}

addEventListener("hashchange", arrive);
arrive();
