// What is being written is kept in this browser while it is neither published nor saved, for a closed tab or a crash. It
// is offered on the next visit, and never put over anything by itself.

import { copiesOf, forget, keyOf, write } from "./copies.js";
import { makeRoom } from "./rows.js";
import { Away, hasArrived } from "./server.js";

const QUIET_MS = 400;
const OFFERED = 3;
const EXCERPT = 160;
// What belongs to one answer of the server, and is no word of anybody.
const NOT_KEPT = ["csrfmiddlewaretoken", "writer", "act"];
const NO_WORDS = ["form_id", "seen", "since"];

// Returns what keeps a copy at once. `onKept` is told whether the browser took it.
export function keepCopies(form, onKept) {
  const { user } = form.dataset;
  const path = window.location.pathname + window.location.search;
  let isTouched = false;
  let timer = 0;

  const keep = () => {
    clearTimeout(timer);
    if (isTouched) onKept(write(keyOf(user, path, form.elements.form_id.value), fieldsOf(form)));
  };
  form.addEventListener("input", () => {
    isTouched = true;
    clearTimeout(timer);
    timer = setTimeout(keep, QUIET_MS);
  });
  window.addEventListener("pagehide", keep);
  document.addEventListener("visibilitychange", () => { if (document.hidden) keep(); });
  offerCopies(form, user, path, keep);
  return keep;
}

async function offerCopies(form, user, path, keep) {
  const own = form.elements.form_id.value;
  const now = wordsOf(fieldsOf(form));
  const copies = copiesOf(user, path).filter(({ key, fields }) => !key.endsWith(`:${own}`) && wordsOf(fields) !== now);
  for (const copy of copies.slice(0, OFFERED)) {
    if (await isSettled(form, copy)) forget(copy.key);
    else offer(form, copy, keep);
  }
}

// Whether it was posted after all: the answer may have been lost on the way.
async function isSettled(form, { key }) {
  try {
    return await hasArrived(form, key.slice(key.lastIndexOf(":") + 1));
  } catch (problem) {
    if (problem instanceof Away) return false;
    throw problem;
  }
}

function offer(form, copy, keep) {
  const shown = document.importNode(document.getElementById("kept-offer").content, true).firstElementChild;
  const time = shown.querySelector("time");
  time.dateTime = new Date(copy.at).toISOString();
  time.textContent = inWords(new Date(copy.at));
  shown.querySelector(".kept-words").textContent = excerptOf(copy.fields);
  shown.querySelector('[data-does="restore"]').addEventListener("click", () => {
    keep();
    restore(form, copy.fields);
    shown.remove();
    form.querySelector("input:not([type=hidden]), textarea").focus();
  });
  shown.querySelector('[data-does="discard"]').addEventListener("click", () => {
    forget(copy.key);
    shown.remove();
    form.querySelector("input:not([type=hidden]), textarea").focus();
  });
  document.getElementById("kept-offers").append(shown);
}

// With its one-time id and what its author had seen: what was posted twice counts once, and what a colleague posted
// meanwhile is told before anything is published.
function restore(form, fields) {
  makeRoom(form, fields);
  const kept = new Map(fields);
  for (const control of form.elements) {
    const isKept = kept.has(control.name);
    if (!control.name || NOT_KEPT.includes(control.name)) continue;
    if (control.type === "radio") control.checked = kept.get(control.name) === control.value;
    else if (control.type === "checkbox") control.checked = isKept;
    else if (isKept) control.value = kept.get(control.name);
    const fold = control.closest("details");
    if (fold && isKept && control.value && control.type !== "hidden" && control.type !== "radio") fold.open = true;
  }
  form.dispatchEvent(new Event("input", { bubbles: true }));
  form.querySelector('input[name="status"]:checked')?.dispatchEvent(new Event("change", { bubbles: true }));
}

function fieldsOf(form) {
  return [...new FormData(form)].filter(([name]) => !NOT_KEPT.includes(name));
}

function wordsOf(fields) {
  return JSON.stringify(fields.filter(([name, value]) => value && !NO_WORDS.includes(name) && !name.includes("_FORMS")));
}

function excerptOf(fields) {
  const kept = new Map(fields);
  const words = [kept.get("title"), kept.get("body")].filter(Boolean).join(": ");
  return words.length > EXCERPT ? `${words.slice(0, EXCERPT)} …` : words;
}

function inWords(time) {
  const isToday = time.toDateString() === new Date().toDateString();
  const day = isToday ? {} : { weekday: "long", day: "numeric", month: "long" };
  return time.toLocaleString(document.documentElement.lang, { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}
