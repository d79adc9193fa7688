// Brings news onto the open page: asks a tiny file every few seconds whether anything changed, and puts what did into
// its place. What is being read stays where it is on the screen. Other scripts hear "page:updated" after each change,
// "page:reached" or "page:away" after each look; what carries data-live="keep" is left alone for as long as it does.

import { merge, remember } from "./merge.js";

const words = document.body.dataset;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const EVERY = 10 * SECOND; // while somebody may be looking
const SETTLED = 25 * SECOND; // a cache on the way may hold a page for ten seconds longer than the note
const STILL = 30 * MINUTE; // nobody has touched the page for long
const PATIENCE = 8 * SECOND;
const MARKED = 8 * SECOND;
const PARTS = ["main", ".colophon"];
// What is marked as new: all of a notice, a function or an update; elsewhere the line.
const WHOLES = ".card, .past, .component, .timeline > li, .newest, .all-clear, .notice > header";
const LINES = "li, article, section, dl > div, p, tr, h1, h2, h3, h4, pre, blockquote, table, figure";

const served = new Map(PARTS.map((part) => [part, remember(document.querySelector(part))]));
const said = addBox("p", "unseen");
let seen = null; // what the tiny file said last
let shown = null; // the page as text that is on the screen
let askUntil = 0;
let isOwed = Boolean(words.kept); // out of the cache: older than whatever is published
let failures = 0;
let touchedAt = Date.now();
let hiddenAt = Date.now();
let timer = 0;
let isLooking = false;
let isCalled = false; // meanwhile: what the look under way has found may be out of date, "away" above all
let chip = null;

async function look() {
  isCalled = isLooking;
  if (isLooking) return;
  isLooking = true;
  clearTimeout(timer);
  try {
    const note = await read(words.live);
    if (note !== seen) askUntil = Date.now() + SETTLED;
    if (isOwed || Date.now() < askUntil) await bring();
    seen = note;
    failures = 0;
    tell("page:reached");
  } catch {
    failures += 1;
    if (failures > 1 || !navigator.onLine) tell("page:away");
  }
  isLooking = false;
  if (isCalled) look();
  else timer = setTimeout(look, pause());
}

async function read(address) {
  const answer = await fetch(address, { cache: "no-cache", signal: AbortSignal.timeout?.(PATIENCE) });
  if (!answer.ok) throw new Error(`${answer.status} ${address}`);
  return answer.text();
}

function pause() {
  const now = Date.now();
  let rest = now - touchedAt > STILL ? MINUTE : EVERY;
  if (document.hidden) rest = Math.min(Math.max((now - hiddenAt) / 2, MINUTE), 10 * MINUTE);
  if (failures) rest = Math.max(rest, Math.min(EVERY * 2 ** failures, 5 * MINUTE));
  return rest * (0.8 + 0.4 * Math.random()); // or all readers would ask in the same moment
}

async function bring() {
  const text = await read(location.pathname);
  isOwed = false;
  if (text === shown) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  if (assetsOf(page) !== assetsOf(document) || PARTS.some((part) => !page.querySelector(part))) return offerToLoad();
  shown = text;
  putInPlace(page);
}

function assetsOf(page) {
  return [...page.head.querySelectorAll("link[rel=stylesheet], script")].map((one) => one.href || one.src).join(" ");
}

function putInPlace(page) {
  if (PARTS.every((part) => served.get(part).isEqualNode(page.querySelector(part)))) return;
  document.title = page.title;
  document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").getAttribute("href");
  const hold = anchor();
  const focused = document.activeElement;
  const changed = new Map();
  for (const part of PARTS) {
    changed.set(part, merge(served.get(part), page.querySelector(part), notYet));
    served.set(part, page.querySelector(part));
  }
  document.dispatchEvent(new Event("page:updated"));
  if (focused !== document.body && !focused.isConnected) document.getElementById("main").focus({ preventScroll: true });
  hold();
  showNews(blocksOf(changed.get("main")));
}

// Something was left alone (data-live="keep"): the page is brought again with each look until it is done.
function notYet() {
  isOwed = true;
  shown = null;
}

// A line of text on the screen that is still there afterwards is put back to where it was. The browser's own way to do
// so is switched off meanwhile: it knows nothing of what is above the first line, and would do it a second time.
function anchor() {
  const root = document.documentElement;
  const middle = root.clientWidth / 2;
  const lines = [0.3, 0.4, 0.5, 0.2, 0.6, 0.1, 0.7, 0.8, 0.9, 0].flatMap((part) => {
    const there = document.elementsFromPoint(middle, part * root.clientHeight).find((one) => one.closest("main"));
    const line = there?.closest("p, li, dt, dd, h1, h2, h3, h4, th, td, summary, label, pre");
    return line && !line.querySelector("p, li, article, h3") ? [line] : [];
  });
  const active = document.activeElement;
  const isSeen = active.closest("main > *") && isOnScreen(active);
  const candidates = (isSeen ? [active, ...lines] : lines).map((line) => [line, line.getBoundingClientRect().top]);
  root.style.overflowAnchor = "none";
  return () => {
    const [line, top] = candidates.find(([one]) => one.isConnected && one.getClientRects().length) ?? [];
    const moved = line ? line.getBoundingClientRect().top - top : 0;
    if (moved) scrollBy({ top: moved, behavior: "instant" });
    requestAnimationFrame(() => requestAnimationFrame(() => (root.style.overflowAnchor = "")));
  };
}

function isOnScreen(one) {
  const { top, bottom } = one.getBoundingClientRect();
  return bottom > 0 && top < document.documentElement.clientHeight;
}

// Drawings and durations move with the clock, space between tags is nothing to read, and what only follows from news is
// none itself.
function blocksOf(nodes) {
  const news = nodes.filter((node) => node.isConnected && node.textContent.trim());
  const texts = news.map((node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement));
  const read = texts.filter((one) => !one.closest("svg, .unseen, .signed, .more, .days, .past-brief"));
  const blocks = read.map((one) => one.closest(WHOLES) ?? one.closest(LINES) ?? one);
  return [...new Set(blocks)].filter((one) => !blocks.some((other) => other !== one && other.contains(one)));
}

function showNews(blocks) {
  if (!blocks.length) return;
  said.textContent = `${words.new}: ${inOneSentence(blocks)}`;
  for (const block of blocks) {
    block.classList.add("is-new");
    block.dataset.new = words.new;
    whenSeen.observe(block);
  }
  const above = blocks.find((block) => block.getBoundingClientRect().bottom < 0);
  const below = blocks.some(isOnScreen) ? null : blocks[0];
  if (above ?? below) pointTo(above ?? below, above ? words.newsAbove : words.newsBelow);
}

// What it is about: the headline when that changed, and the first notice or function, with its status.
function inOneSentence(blocks) {
  const parts = blocks.map((block) => {
    const about = block.closest("h1, article, .component");
    if (!about || about.matches("h1")) return about?.textContent;
    const name = about.querySelector("h1, h2, h3, h4, .name")?.textContent;
    const status = about.querySelector(".status")?.textContent;
    return status ? `${name}: ${status}.` : name;
  });
  const told = [...new Set(parts)].filter(Boolean).slice(0, 2);
  return (told.length ? told : [document.querySelector("h1").textContent]).join(" ");
}

// A mark stays until it has been seen for a moment, however long the reader is elsewhere.
const whenSeen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    whenSeen.unobserve(target);
    if (chip?.target === target) removeChip();
    setTimeout(() => target.classList.remove("is-new"), MARKED);
  }
});

function removeChip() {
  chip.box.remove();
  chip = null;
}

function pointTo(target, text) {
  if (chip) removeChip();
  const box = addBox("div", "news is-chip");
  addButton(box, text, () => {
    target.scrollIntoView({ block: "center" });
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
  });
  chip = { box, target };
}

// What cannot be put into its place, as after an update of our own software.
function offerToLoad() {
  if (document.querySelector(".news.is-offer")) return;
  const box = addBox("div", "news is-offer");
  box.append(words.news);
  addButton(box, words.reload, () => location.reload());
  said.textContent = words.news;
}

function addBox(kind, className) {
  const box = document.createElement(kind);
  box.className = className;
  document.body.append(box);
  return box;
}

function addButton(box, text, act) {
  const button = document.createElement("button");
  button.textContent = text;
  button.addEventListener("click", act);
  box.append(button);
}

function tell(name) {
  document.dispatchEvent(new Event(name));
}

function touched() {
  const wasStill = Date.now() - touchedAt > STILL;
  touchedAt = Date.now();
  if (wasStill) look();
}

said.setAttribute("role", "status");
const touches = ["pointerdown", "pointermove", "keydown", "scroll"];
for (const name of touches) addEventListener(name, touched, { passive: true });
for (const name of ["online", "offline", "pageshow"]) addEventListener(name, look); // the last one also at first
document.addEventListener("visibilitychange", () => {
  hiddenAt = Date.now();
  if (!document.hidden) look();
});
