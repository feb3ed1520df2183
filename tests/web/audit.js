// What a person who cannot see well, or uses a keyboard only, would stumble over.
() => {
  const found = [];
  const name = (node) => `${node.tagName.toLowerCase()}.${node.className?.baseVal ?? node.className} `
    + `"${(node.textContent ?? "").trim().slice(0, 30)}"`;
  const parse = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const over = ([r, g, b, a = 1], back) => [r, g, b].map((v, n) => v * a + back[n] * (1 - a));
  const backOf = (node) => {
    const chain = [];
    for (let at = node; at; at = at.parentElement) chain.unshift(parse(getComputedStyle(at).backgroundColor));
    return chain.reduce((back, colour) => over(colour, back), [255, 255, 255]);
  };
  const bright = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92
      : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || node.closest("svg, noscript, script, option, :disabled, .sr")) continue;
    if (!node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const back = backOf(node);
    let alpha = 1;
    for (let at = node; at; at = at.parentElement) alpha *= Number(getComputedStyle(at).opacity);
    const [r, g, b, a = 1] = parse(style.color);
    const lights = [bright(over([r, g, b, a * alpha], back)), bright(back)].sort((x, y) => y - x);
    const ratio = (lights[0] + 0.05) / (lights[1] + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${name(node)}`);
  }
  for (const node of document.querySelectorAll("input, select, textarea")) {
    if (!node.labels?.length && !node.getAttribute("aria-label")) found.push(`no label: ${name(node)}`);
  }
  for (const node of document.querySelectorAll("a[href]:not(.skip), button")) {
    if (!node.checkVisibility()) continue;
    if (!node.textContent.trim() && !node.getAttribute("aria-label")
        && !node.closest("svg[role=img]")) found.push(`no name: ${name(node)}`);
    const box = node.getBoundingClientRect();
    const inText = getComputedStyle(node).display === "inline";
    if (!inText && !node.closest("svg") && box.height < 24) found.push(`small target: ${name(node)}`);
  }
  for (const node of document.querySelectorAll("img, svg:not([aria-hidden])")) {
    if (!node.getAttribute("alt") && !node.getAttribute("aria-label")) found.push(`no text: ${name(node)}`);
  }
  const heads = [...document.querySelectorAll("h1, h2, h3")].map((node) => Number(node.tagName[1]));
  heads.forEach((level, n) => { if (n && level > heads[n - 1] + 1) found.push(`heading jumps to h${level}`); });
  if (!document.documentElement.lang) found.push("no language");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids.filter((one, n) => ids.indexOf(one) !== n))) found.push(`id twice: ${id}`);
  return found;
}
