// Asks the worker (sw.js) to keep what is being read, and says on a page that is out of date how old it is.

const words = document.body.dataset;
// The digits of the page itself, which are the Latin ones in every language.
const language = `${document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang}-u-nu-latn`;
const day = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" };
const moment = new Intl.DateTimeFormat(language, { ...day, ...clock });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const MINUTE = 60_000;

const isNotKept = document.getElementById("not-kept") && !location.pathname.endsWith("/offline");
let asOf = words.kept ? new Date(words.kept) : new Date();
let isOld = Boolean(words.kept);
let box = null;

function ago() {
  const minutes = Math.round((asOf - Date.now()) / MINUTE);
  if (minutes > -90) return minutes < 0 ? relative.format(minutes, "minute") : "";
  if (minutes > -48 * 60) return relative.format(Math.round(minutes / 60), "hour");
  return relative.format(Math.round(minutes / 60 / 24), "day");
}

// The age stands apart from what is read out, or a screen reader would say all of it again each minute.
function tell() {
  if (isNotKept) return;
  if (!box) {
    box = document.createElement("div");
    box.className = "away";
    const text = document.createElement("p");
    text.setAttribute("role", "status");
    const age = document.createElement("p");
    age.className = "age";
    box.append(text, age);
    document.body.prepend(box);
  }
  const [text, age] = box.children;
  const says = (navigator.onLine ? words.away : words.offline).replace("{time}", moment.format(asOf));
  if (text.textContent !== says) text.textContent = says;
  age.textContent = ago();
}

function reached() {
  if (isNotKept) location.reload();
  if (isOld) keep();
  isOld = false;
  asOf = new Date();
  box?.remove();
  box = null;
}

async function keep() {
  const worker = (await navigator.serviceWorker?.ready)?.active;
  const home = document.querySelector(".wordmark").href;
  worker?.postMessage({ read: location.href.split("#")[0], home, offline: `${home.replace(/\/$/, "")}/offline` });
}

if (isOld) tell();
else if (!isNotKept) keep();
setInterval(() => box && tell(), MINUTE / 2);
document.addEventListener("page:away", tell);
document.addEventListener("page:reached", reached);
document.addEventListener("page:updated", () => isOld || keep());
navigator.serviceWorker?.register(words.worker).catch(() => {}); // the page does without
