// Brings what changed between two servings of a page into the page that is open, and touches nothing else.
//
// Three trees: the one that was served before, the one that is served now, and the living one, which scripts and the
// reader have changed since. Only the first two are compared. So an opened <details>, a half-typed field, a marked word
// or what another script has added stays as it is, unless the very thing was published anew.

// From each node that was served to the living one that it became.
const places = new WeakMap();

/** What `live` holds, as if just served: to be handed to `merge` later. */
export function remember(live) {
  const served = live.cloneNode(true);
  pair(served, live);
  return served;
}

/**
 * Make the living tree of `before` what `after` says. Returns the living nodes that are new or read otherwise, in the
 * order of the page. `after` is the `before` of the next time. What carries data-live="keep" is left alone; `onKeep`
 * is then called, for it is still to be done.
 */
export function merge(before, after, onKeep) {
  const changed = [];
  mergeNode(before, after, changed, onKeep);
  return changed.reverse();
}

function pair(served, live) {
  places.set(served, live);
  served.childNodes.forEach((child, place) => pair(child, live.childNodes[place]));
}

function hand(before, after) {
  places.set(after, places.get(before));
  after.childNodes.forEach((child, place) => hand(before.childNodes[place], child));
}

function mergeNode(before, after, changed, onKeep) {
  if (before.isEqualNode(after)) return hand(before, after);
  const live = places.get(before);
  if (live.dataset?.live === "keep") {
    after.replaceWith(before); // and next time it is compared with this again
    return onKeep();
  }
  places.set(after, live);
  if (after.nodeType !== Node.ELEMENT_NODE) {
    live.nodeValue = after.nodeValue;
    changed.push(live);
    return;
  }
  mergeAttributes(before, after, live);
  mergeChildren(before, after, live, changed, onKeep);
}

function mergeAttributes(before, after, live) {
  for (const name of new Set([...before.getAttributeNames(), ...after.getAttributeNames()])) {
    const [was, is] = [before.getAttribute(name), after.getAttribute(name)];
    if (was === is || name === "open") continue;
    if (name === "class") {
      live.classList.remove(...before.classList);
      live.classList.add(...after.classList);
    } else if (is === null) live.removeAttribute(name);
    else live.setAttribute(name, is);
  }
}

function mergeChildren(before, after, live, changed, onKeep) {
  const [old, now] = [[...before.childNodes], [...after.childNodes]];
  const counterparts = match(old, now);
  const staying = new Set(counterparts.values());
  for (const node of old) if (!staying.has(node)) places.get(node).remove();
  let next = null; // from the last one on: each new one is put before its neighbour
  for (const node of now.reverse()) {
    const counterpart = counterparts.get(node);
    let placed;
    if (counterpart) {
      placed = places.get(counterpart);
      mergeNode(counterpart, node, changed, onKeep);
    } else {
      placed = document.importNode(node, true);
      pair(node, placed);
      live.insertBefore(placed, next);
      changed.push(placed);
    }
    if (placed.parentNode === live) next = placed;
  }
}

// Which of `old` each of `now` continues. Nothing changes places: of two that did, one is made anew.
function match(old, now) {
  const found = new Map();
  let [start, oldEnd, nowEnd] = [0, old.length, now.length];
  while (start < oldEnd && start < nowEnd && old[start].isEqualNode(now[start])) found.set(now[start], old[start++]);
  while (oldEnd > start && nowEnd > start && old[oldEnd - 1].isEqualNode(now[nowEnd - 1])) {
    found.set(now[--nowEnd], old[--oldEnd]);
  }
  const [oldKeys, nowKeys] = [keysOf(old.slice(start, oldEnd)), keysOf(now.slice(start, nowEnd))];
  let from = 0;
  nowKeys.forEach((key, index) => {
    const place = oldKeys.indexOf(key, from);
    const skipsSome = oldKeys.slice(from, place).some((skipped) => nowKeys.includes(skipped, index + 1));
    if (place < 0 || skipsSome) return;
    found.set(now[start + index], old[start + place]);
    from = place + 1;
  });
  return found;
}

// What a node is called among its neighbours: by its name where it has one, else by its kind and how many there were.
function keysOf(nodes) {
  const counts = new Map();
  return nodes.map((node) => {
    const name = node.id || node.dataset?.key || node.getAttribute?.("aria-labelledby");
    const kind = `${node.nodeName} ${name ?? node.classList?.[0] ?? ""}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return `${kind} ${counts.get(kind)}`;
  });
}
