// The preview follows what is typed. One request at a time; the newest words win; a slow server is asked less often, and
// one that is away is asked again by itself. The preview's own document stays, so that scroll positions, the chosen
// pane and the history do too: only what changed in it is put in place. Its policy is stricter than this page's.

import { ask, Away, whoIsHere } from "./server.js";
import { showBeside } from "./wall_times.js";
import { word } from "./words.js";

const QUIET_MS = 500;
const PATIENCE_MS = 20_000;
const LONGEST_PAUSE_MS = 10_000;
const LONGEST_WAIT_MS = 30_000;
// A preview takes the database for a moment: of the server's time the live one uses a fifth at most.
const PAUSE_PER_WORK = 4;

const shownWords = new WeakMap();

export function followPreview(form, frame) {
  const url = form.querySelector('[formtarget="preview"]').formAction;
  const state = document.getElementById("preview-state");
  const shownHtml = new WeakMap();
  let typed = 1;
  let shown = 0;
  let pause = QUIET_MS;
  let failures = 0;
  let isBusy = false;
  let timer = 0;
  let cameFrom = null;

  function say(name, kind = "quiet") {
    if (state.dataset.says === name) return;
    state.dataset.says = name;
    state.dataset.kind = kind;
    state.textContent = word(name);
  }

  function soon(ms) {
    clearTimeout(timer);
    timer = setTimeout(look, ms);
  }

  async function look() {
    if (isBusy || document.hidden || shown === typed) return;
    await show();
    if (shown !== typed) soon(pause);
  }

  // Resolves when what stands in the form now is shown, or cannot be.
  async function show(button = null) {
    isBusy = true;
    const version = typed;
    const began = performance.now();
    try {
      const answer = await rehearse(button);
      if (!answer) {
        pause = LONGEST_WAIT_MS; // or until this window gets the focus, after a login in another
        return;
      }
      await patch(answer);
      say(failures ? "live-back" : "live");
      failures = 0;
      shown = version;
      pause = Math.min(Math.max(QUIET_MS, PAUSE_PER_WORK * (performance.now() - began)), LONGEST_PAUSE_MS);
    } catch (problem) {
      if (!(problem instanceof Away)) throw problem;
      failures += 1;
      pause = Math.min(1000 * 2 ** failures, LONGEST_WAIT_MS);
      say("live-lost", "doubt");
    } finally {
      isBusy = false;
    }
  }

  // The preview of the form as a document; null when nobody is logged in any more, or somebody else.
  async function rehearse(button) {
    let answer = await post(button);
    if (answer.status === 403) {
      const user = await whoIsHere(form);
      if (user !== form.dataset.user) {
        say(user ? "live-other" : "live-away", "doubt");
        return null;
      }
      answer = await post(button);
    }
    if (!answer.ok) throw new Away(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("said")) throw new Away("no preview");
    return page;
  }

  function post(button) {
    const body = new FormData(form);
    body.append("act", button?.value ?? "preview");
    return ask(url, { method: "POST", body, timeoutMs: PATIENCE_MS });
  }

  async function patch(answer) {
    const page = await frameDocument();
    page.querySelector("main").classList.add("is-live");
    swapKeepingFocus(page, page.getElementById("said"), answer.getElementById("said"));
    const next = answer.getElementById("panes");
    const now = page.getElementById("panes");
    if (next && !now) page.querySelector("main").append(page.importNode(next, true));
    else if (next && namesOf(next) !== namesOf(now)) now.replaceWith(page.importNode(next, true));
    else if (next) next.querySelectorAll("[data-pane]").forEach((pane) => patchPane(now, pane));
    showBeside(form, answer);
  }

  function patchPane(panes, next) {
    const now = panes.querySelector(`[data-pane="${next.dataset.pane}"]`).firstElementChild;
    if (now.localName === "pre") {
      if (now.textContent !== next.textContent.trim()) now.textContent = next.firstElementChild.textContent;
      return;
    }
    const html = next.firstElementChild.srcdoc;
    if ((shownHtml.get(now) ?? now.srcdoc) === html) return;
    shownHtml.set(now, html);
    // Parsed by the pane's own window: under this page's policy a mail would lose its inline styles.
    const [page, parser] = [now.contentDocument, new now.contentWindow.DOMParser()];
    const parsed = parser.parseFromString(html, "text/html");
    // A document made anew would begin at its top, and flash while its sheet loads.
    if (page?.body && stylesOf(page) === stylesOf(parsed)) page.body.replaceWith(page.importNode(parsed.body, true));
    else now.srcdoc = html;
  }

  // Without a preview in it (the login was due when this page came) the frame is asked for one again, past the history.
  async function frameDocument() {
    const isThere = () => frame.contentDocument?.readyState === "complete" && frame.contentDocument.getElementById("said");
    if (!isThere()) {
      if (frame.contentDocument?.readyState === "complete") frame.contentWindow.location.replace(url);
      await new Promise((resolve) => { frame.addEventListener("load", resolve, { once: true }); });
    }
    if (!isThere()) throw new Away("no preview document");
    listenIn(frame.contentDocument);
    return frame.contentDocument;
  }

  function listenIn(page) {
    if (page.isHeard) return;
    page.isHeard = true;
    page.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-control]");
      if (!link) return;
      event.preventDefault();
      goTo(link.dataset.control, link.dataset.words);
    });
    page.addEventListener("keydown", (event) => {
      if (event.key === "Escape") (cameFrom ?? form.querySelector("input:not([type=hidden]), textarea")).focus();
    });
  }

  form.addEventListener("input", () => { typed += 1; soon(pause); });
  form.addEventListener("change", () => { typed += 1; soon(pause); });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.formTarget !== "preview") return;
    event.preventDefault();
    lookAtIt(event.submitter);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    lookAtIt(null);
  });
  document.addEventListener("visibilitychange", () => soon(0));
  window.addEventListener("online", () => soon(0));
  window.addEventListener("focus", () => soon(0));
  // An empty form has nothing to show; an open notice is shown as it would stand.
  if (form.dataset.hasWords) soon(0);
  else shown = typed;

  // Asked for: shown at once, and what reads the page aloud or by keys goes there. Escape leads back.
  async function lookAtIt(button) {
    cameFrom = document.activeElement;
    if (frame.getBoundingClientRect().top > window.innerHeight * 0.8) frame.scrollIntoView({ block: "start" });
    while (isBusy) await new Promise((resolve) => { setTimeout(resolve, 50); });
    await show(button);
    if (shown !== typed) soon(pause);
    frame.focus();
  }
}

// To the field that a remark is about, with the words that caused it selected.
function goTo(id, words) {
  const control = document.getElementById(id);
  if (!control) return;
  const fold = control.closest("details");
  if (fold) fold.open = true;
  control.focus();
  const start = words && "setSelectionRange" in control ? control.value.indexOf(words) : -1;
  if (start >= 0) control.setSelectionRange(start, start + words.length);
}

function swapKeepingFocus(page, now, next) {
  if (shownWords.get(page) === next.innerHTML) return;
  shownWords.set(page, next.innerHTML);
  const control = now.contains(page.activeElement) ? page.activeElement.dataset.control : null;
  const isFolded = now.querySelector("details:not([open])") !== null;
  now.replaceWith(page.importNode(next, true));
  if (isFolded) page.querySelector("#said details")?.removeAttribute("open");
  if (control) page.querySelector(`[data-control="${CSS.escape(control)}"]`)?.focus();
}

function namesOf(panes) {
  return [...panes.querySelectorAll("[data-pane]")].map((pane) => pane.dataset.pane).join();
}

function stylesOf(page) {
  return [...page.querySelectorAll('link[rel="stylesheet"], style')].map((style) => style.outerHTML).join();
}
