// Publishing and saving, so that a server that is away costs no words: the form leaves this page only when the server
// has it. What the server refuses is sent again in the plain way, which shows why. The one-time id makes twice once.

import { ask, Away, whoIsHere } from "./server.js";
import { word } from "./words.js";

const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 3000;
const ACTS = ["publish", "draft", "submit", "schedule"];

export function sendCarefully(form, { before, after }) {
  const state = document.getElementById("send-state");
  let isBusy = false;
  let isPlain = false;

  function say(name, kind = "quiet") {
    state.textContent = name ? word(name) : "";
    state.hidden = !name;
    state.dataset.kind = kind;
  }

  form.addEventListener("submit", (event) => {
    if (isPlain || !ACTS.includes(event.submitter?.value)) return;
    event.preventDefault();
    if (!isBusy) send(event.submitter);
  });
  window.addEventListener("pageshow", () => {
    isBusy = isPlain = false;
    if (!form.dataset.awaits) say("");
  });

  async function send(button) {
    isBusy = true;
    before();
    say("sending");
    try {
      await deliver(button);
    } catch (problem) {
      isBusy = false;
      if (!(problem instanceof Away)) throw problem;
      say(button.value === "publish" ? "not-sent" : "not-sent-draft", "wrong");
      tellWhenBack();
    }
  }

  async function deliver(button) {
    let answer = await post(button);
    if (answer.status === 403 && (await whoIsHere(form)) === form.dataset.user) answer = await post(button);
    after();
    const target = await targetOf(answer);
    if (target) {
      window.location.assign(target);
      return;
    }
    isPlain = true;
    form.requestSubmit(button);
  }

  function post(button) {
    const body = new FormData(form);
    body.append(button.name, button.value);
    const headers = { Accept: "application/json" };
    return ask(form.getAttribute("action") || window.location.href, { method: "POST", body, headers, timeoutMs: PATIENCE_MS });
  }

  function tellWhenBack() {
    if (form.dataset.awaits) return;
    form.dataset.awaits = "true";
    const timer = setInterval(async () => {
      if (document.hidden || isBusy) return;
      try {
        await whoIsHere(form);
      } catch (problem) {
        if (problem instanceof Away) return;
        throw problem;
      }
      clearInterval(timer);
      delete form.dataset.awaits;
      if (!isBusy) say("sendable");
    }, LOOK_AGAIN_MS);
  }
}

// Where to go after it was taken; null when the answer is a page that says what is wrong.
async function targetOf(answer) {
  if (!answer.headers.get("Content-Type")?.startsWith("application/json")) return null;
  return (await answer.json()).location;
}
