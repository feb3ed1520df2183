// Building and patching the page. Text only ever becomes text: names come from equipment.
// A view is a function from data to nodes; `morph` brings the page to it and keeps focus,
// scrolling and open details where they are.

const SVG = "http://www.w3.org/2000/svg";

function listen(node, type, handler) {
  node.$on ??= {};
  if (!(type in node.$on)) node.addEventListener(type, (event) => node.$on[type]?.(event));
  node.$on[type] = handler;
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) listen(node, name.slice(2), value);
    else if (name === "value") { node.value = value; node.setAttribute("value", value); }
    else if (name === "checked") { node.checked = true; node.setAttribute("checked", ""); }
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);

export const svg = (tag, props, ...children) =>
  fill(document.createElementNS(SVG, tag), props, children);

// Makes `old` like `fresh`. Nodes with data-keep are left alone; a focused field keeps its text.
export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName
      || old.id !== fresh.id || old.dataset?.key !== fresh.dataset?.key) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.dataset?.keep !== undefined && old.dataset.keep === fresh.dataset?.keep) return;
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) {
      old.removeAttribute(name);
    }
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.nodeName === "INPUT" || old.nodeName === "SELECT" || old.nodeName === "TEXTAREA") {
    if (old !== document.activeElement && old.type !== "file") {
      if (old.value !== fresh.value) old.value = fresh.value;
      if (old.checked !== fresh.checked) old.checked = fresh.checked;
    }
  }
  for (const type of Object.keys(old.$on ?? {})) {
    if (!fresh.$on?.[type]) old.$on[type] = null;
  }
  for (const [type, handler] of Object.entries(fresh.$on ?? {})) listen(old, type, handler);
  morphChildren(old, [...fresh.childNodes]);
}

function morphChildren(parent, fresh) {
  const keyed = new Map();
  for (const child of parent.children) if (child.dataset?.key) keyed.set(child.dataset.key, child);
  let at = parent.firstChild;
  for (const next of fresh) {
    const twin = next.dataset?.key && keyed.get(next.dataset.key);
    if (twin && twin !== at) parent.insertBefore(twin, at);
    const here = twin || at;
    if (!here) { parent.append(next); continue; }
    at = here.nextSibling;
    morph(here, next);
  }
  while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
}

export function show(parent, ...children) {
  morphChildren(parent, [...fill(document.createElement("div"), null, children).childNodes]);
}
