// The person's key: imported once, not exportable, kept in this browser; it signs here.

import { now } from "./clock.js";
import { h } from "./dom.js";
import { join, learnWords, say, t } from "./i18n.js";
import { get, post } from "./net.js";
import { ask, card, problemText, toast } from "./parts.js";

learnWords({
  need_key: ["指令须由本人的密钥签名。", "Orders are signed with your own key."],
  load_key: ["加载密钥文件（.key）", "Load a key file (.key)"],
  key_stays: ["密钥只保存在本浏览器，不能导出，不会发送。", "The key stays in this browser, cannot be exported, is never sent."],
  key_drill: ["演练人员（虚构）", "The drill's people (invented)"],
  key_none: ["未加载密钥", "no key loaded"], key_use: ["使用", "Use"], key_forget: ["从本浏览器删除", "Remove from this browser"],
  key_now: ["当前签名人", "Signing as"],
  key_bad: ["不是 Ed25519 私钥（PEM PKCS8）", "Not an Ed25519 private key (PEM PKCS8)"],
  key_stranger: ["登记册中没有使用此密钥的人：", "Nobody in the register uses this key: "],
  key_insecure: ["此地址没有加密（HTTPS）：只能查看，不能签名。", "This address is not protected (HTTPS): you can read, not sign."],
});

const ED25519 = { name: "Ed25519" };
export const canSign = () => isSecureContext && crypto.subtle !== undefined;

// A small store in IndexedDB: keys by id, and which of them signs.
function store(mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("wanglou", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const base = opening.result;
      const deal = base.transaction("keys", mode);
      const asked = work(deal.objectStore("keys"));
      deal.oncomplete = () => { base.close(); resolve(asked?.result); };
      deal.onerror = () => { base.close(); reject(deal.error); };
    };
  });
}

const current = () => localStorage.getItem("wanglou.key");
const listeners = new Set();
export const onKey = (call) => listeners.add(call);

function choose(id) {
  if (id) localStorage.setItem("wanglou.key", id);
  else localStorage.removeItem("wanglou.key");
  for (const call of listeners) call();
}

async function importKey(pem) {
  const inner = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(pem);
  if (!inner) throw new Error(t("key_bad"));
  const der = Uint8Array.from(atob(inner[1].replace(/\s/g, "")), (c) => c.charCodeAt(0));
  try {
    return await crypto.subtle.importKey("pkcs8", der, ED25519, false, ["sign"]);
  } catch {
    throw new Error(t("key_bad"));
  }
}

async function keep(id, pem, people) {
  const person = people.find((one) => one.key === id);
  if (!person) throw new Error(t("key_stranger") + id);
  const key = await importKey(pem);
  await store("readwrite", (keys) => keys.put({ id, key, account: person.account }, id));
  choose(id);
}

// Who signs now: {id, key, person}; null without a key.
export async function signer() {
  if (!canSign() || !current()) return null;
  const held = await store("readonly", (keys) => keys.get(current())).catch(() => null);
  if (!held) return null;
  const { people } = await get("/api/v1/people");
  const person = people.find((one) => one.key === held.id);
  return person ? { ...held, person } : null;
}

const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

async function sign(context, order, key) {
  const payload = JSON.stringify(order);
  const covered = new TextEncoder().encode(`wanglou/1/${context}\n${payload}`);
  const bytes = new Uint8Array(await crypto.subtle.sign(ED25519, key.key, covered));
  return { kind: "signed", context, key: key.id, sig: btoa(String.fromCharCode(...bytes)), payload };
}

// Sends `order` signed by the present person; tells what became of it. True when accepted.
export async function send(context, fields) {
  const key = await signer();
  if (!key) return false;
  const { county, tree } = await get("/api/v1/people");
  const order = {
    kind: context, id: `web-${hex(crypto.getRandomValues(new Uint8Array(10)))}`, county, tree,
    account: key.person.account, ...fields, at_ms: now(),
  };
  const path = context === "command" ? "/api/v1/commands" : "/api/v1/alarm-actions";
  try {
    const outcome = await post(path, await sign(context, order, key));
    toast(say(outcome.text), !outcome.accepted);
    return outcome.accepted;
  } catch (error) {
    toast(problemText(error), true);
    return false;
  }
}

export const personText = (person) =>
  `${person.name}（${join(person.role_names.map(say))}）`;

// Asks for a reason and sends; asks for a key first when there is none.
export async function order(context, title, about, fields, more) {
  const key = (await signer()) ?? (await askKey());
  if (!key) return false;
  const given = await ask(title, (done) => {
    const reason = h("textarea", { rows: 3, maxlength: 2000, id: "reason" });
    const extra = more?.(key);
    const give = (event) => {
      event.preventDefault();
      done({ text: reason.value.trim(), ...extra?.value() });
    };
    return h("form", { onsubmit: give },
      h("p", { class: "about" }, about),
      h("p", null, `${t("sign_as")}: `, h("strong", null, personText(key.person))),
      extra?.node,
      h("label", { for: "reason" }, t(context === "command" ? "reason" : "text")), reason,
      h("p", { class: "buttons" },
        h("button", { type: "submit", class: "main" }, t("send")),
        h("button", { type: "button", onclick: () => done(null) }, t("cancel"))));
  });
  return given ? send(context, fields(given)) : false;
}

async function askKey() {
  if (!canSign()) {
    toast(t("key_insecure"), true);
    return null;
  }
  const { people } = await get("/api/v1/people");
  const drill = (await get("/api/v1/drill/keys")).keys;
  return ask(t("need_key"), (done) => chooser(people, drill, async () => done(await signer())));
}

function chooser(people, drill, loaded) {
  const load = async (id, pem) => {
    try {
      await keep(id, pem, people);
      await loaded();
    } catch (error) {
      toast(error.message, true);
    }
  };
  const pick = async (event) => {
    const file = event.target.files[0];
    if (file) await load(file.name.replace(/\.key$/, ""), await file.text());
  };
  return [
    h("p", { class: "muted" }, t("key_stays")),
    h("label", { class: "file" }, h("span", null, t("load_key")),
      h("input", { type: "file", accept: ".key,.pem", onchange: pick })),
    drill.length > 0 && h("h3", null, t("key_drill")),
    h("ul", { class: "people" }, drill.map((one) => {
      const person = people.find((each) => each.account === one.account);
      return person && h("li", null,
        h("button", { type: "button", onclick: () => load(one.key, one.pem) },
          `${personText(person)} · ${person.organ}`));
    })),
  ].filter(Boolean);
}

export const page = {
  title: () => t("keys"),
  async load() {
    const [people, drill] = await Promise.all([get("/api/v1/people"), get("/api/v1/drill/keys")]);
    return { people: people.people, drill: drill.keys, key: await signer() };
  },
  view({ people, drill, key }, again) {
    if (!canSign()) return card(t("keys"), h("p", { class: "notice" }, t("key_insecure")));
    const forget = async () => {
      await store("readwrite", (keys) => keys.delete(key.id));
      choose(null);
      again();
    };
    return card(t("keys"),
      key
        ? h("p", null, `${t("key_now")}: `, h("strong", null, personText(key.person)), " ",
            h("button", { type: "button", onclick: forget }, t("key_forget")))
        : h("p", null, t("key_none")),
      ...chooser(people, drill, again));
  },
};
