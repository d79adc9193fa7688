// Keeps the progress of a notification or an import up to date while something of it is owed and somebody looks. Without
// this file a reload shows the same.

const EVERY_MS = 2000;

function show(panel, now) {
  panel.dataset.state = now.state;
  panel.querySelector("progress").value = now.percent;
  panel.querySelectorAll("[data-shows]").forEach((place) => {
    const words = now.words[place.dataset.shows];
    if (place.textContent !== words) place.textContent = words;
  });
  panel.querySelector(".count-failed").dataset.state = now.hasFailed ? "some" : "";
  document.querySelectorAll("[data-while-owed]").forEach((part) => { part.hidden = !now.isOwed; });
  document.querySelectorAll("[data-when-failed]").forEach((part) => { part.hidden = !now.hasFailed; });
  announce(panel, now.announcement);
}

// What is said aloud changes at each tenth and at each turn, not with every look.
function announce(panel, words) {
  if (panel.dataset.said === words) return;
  panel.dataset.said = words;
  panel.querySelector("[data-announces]").textContent = words;
}

// False when there is nothing more to ask for: it is done, or we are no longer let in. A server that is away for a
// moment is asked again.
async function look(panel) {
  let answer;
  try {
    answer = await fetch(panel.dataset.progressUrl, { redirect: "error", headers: { Accept: "application/json" } });
  } catch {
    return true;
  }
  if (!answer.ok) return answer.status >= 500;
  const now = await answer.json();
  show(panel, now);
  return now.isOwed;
}

// What only the end can show is taken from the page as a reload would bring it.
async function showEnd() {
  const places = document.querySelectorAll("[data-at-end]");
  if (places.length === 0) return;
  const answer = await fetch(location.href, { redirect: "error" });
  if (!answer.ok) return;
  const reloaded = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = reloaded.querySelectorAll("[data-at-end]");
  places.forEach((place, number) => { place.replaceChildren(...(found[number]?.childNodes ?? [])); });
}

async function follow(panel) {
  let goesOn = true;
  while (goesOn) {
    await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
    if (!document.hidden) goesOn = await look(panel);
  }
  await showEnd();
}

document.querySelectorAll("[data-progress-url][data-is-owed]").forEach(follow);
