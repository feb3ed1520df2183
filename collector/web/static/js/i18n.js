// Words in Chinese and English, and the remembered choice.

const WORDS = {
  home: ["总览", "Overview"], warning: ["预警", "Warning"], alarms: ["告警", "Alarms"],
  devices: ["设备", "Devices"], sites: ["站点", "Sites"], keys: ["密钥", "Key"],
  ok: ["正常", "OK"], alarm: ["告警", "Alarm"], down: ["中断", "Down"],
  unknown: ["未知", "Unknown"], not_commissioned: ["待入网", "Not commissioned"],
  not_connected: ["未接入", "Not connected"],
  none: ["无影响", "none"], partial: ["部分业务", "partial"], full: ["全部业务", "full"],
  absent: ["未接入", "not connected"],
  drill: ["演练", "DRILL"], county: ["县", "county"],
  data: ["数据", "Data"], ago: ["前", " ago"], never: ["尚无数据", "no data yet"],
  live: ["实时", "live"],
  lost: ["与汇聚端失去联系", "No contact with the server"],
  last_state: ["以下是最后状态，截至", "Last known state, as of"],
  no_copy: ["此页没有保存的副本。", "No saved copy of this page."],
  loading: ["正在读取…", "Loading…"],
  failed: ["读取失败", "Could not load"],
  no_warning: ["当前没有预警", "No warning is open"],
  open_warning: ["未结预警", "Open warning"],
  matrix: ["乡镇 × 企业", "Towns × operators"],
  matrix_says: ["不正常站点数／站点总数", "sites not OK / all sites"],
  map: ["全县示意图", "County schematic"], schematic: ["示意图，非测绘位置", "schematic, not to scale"],
  sources: ["数据来源", "Sources"], silent: ["采集代理无声", "agent silent"],
  since: ["自", "since"], systems: ["重要信息系统", "Information systems"],
  operators: ["基础电信运营企业", "Operators"], operator: ["企业", "Operator"],
  at_risk: ["有风险", "at risk"], hidden: ["被上级遮蔽", "hidden behind a parent"],
  hides: ["遮蔽", "hides"], behind: ["因上级", "behind"],
  key_unit: ["重点", "key unit"], hub: ["枢纽", "hub"],
  text_page: ["文字版", "Text page"], config: ["配置", "configuration"],
  interface: ["接口", "API"],
  search: ["搜索名称、乡镇、企业…", "Search name, town, operator…"],
  find: ["搜索", "Search"],
  filter: ["筛选", "Filter"], all: ["全部", "All"], state: ["状态", "State"], town: ["乡镇", "Town"],
  sort: ["排序", "Sort"], by_state: ["最坏在前", "worst first"], by_name: ["名称", "name"],
  by_since: ["最近变化", "latest change"], export: ["导出 .xlsx", "Export .xlsx"],
  clear: ["清除筛选", "Clear filter"],
  of: ["共", "of"], prev: ["上一页", "Previous"], next: ["下一页", "Next"],
  nothing: ["没有符合条件的记录", "Nothing fits"],
  why: ["原因", "Why"], age: ["数据时间", "Data from"], site: ["站点", "Site"],
  cause: ["上级原因", "Parent cause"], parents: ["上级设备", "Reached through"],
  children: ["下挂设备", "What hangs on it"], readings: ["当前读数", "Readings"],
  transitions: ["最近状态变化", "Last transitions"], chart: ["24 小时曲线", "Last 24 hours"],
  choose_line: ["曲线", "Line"], no_series: ["没有历史数据", "No history"],
  look: ["立即探测", "Look now"], looking: ["已请求，结果会自动出现", "Asked; the result appears by itself"],
  main: ["主设备", "main device"], egress: ["出口", "egress"],
  min: ["最小", "min"], max: ["最大", "max"], last: ["最新", "last"], no_value: ["无", "none"],
  critical: ["紧急", "critical"], major: ["重要", "major"], minor: ["次要", "minor"],
  open: ["未清除", "Open"], unacked: ["未确认", "Not acknowledged"], cleared: ["已清除", "Cleared"],
  ack: ["确认", "Acknowledge"], unack: ["取消确认", "Undo acknowledgement"],
  note: ["备注", "Note"], assign: ["指派", "Assign"], acked: ["已确认", "acknowledged"],
  not_acked: ["未确认", "not acknowledged"], assigned: ["处理人", "Assigned to"],
  raised: ["发生", "raised"], flapping: ["频繁波动", "flapping"],
  select_all: ["选择本页全部", "Select all on this page"], selected: ["已选", "selected"],
  nobody: ["无", "nobody"], severity: ["级别", "Severity"], mine: ["指派给我的", "Assigned to me"],
  no_alarms: ["没有告警", "No alarms"],
  drafted: ["研判草案", "Draft"], scenario: ["预警情形", "Scenario"], level: ["响应级别", "Response level"],
  literal: ["原文依据", "By the plan's words"], judge: ["研判提示", "For judgement"],
  judge_says: ["预案原文未直接规定此情形，按就高原则提示，请研判。", "The plan's words do not cover this state; rounded up, please judge."],
  range: ["不能排除", "Cannot be excluded"], range_none: ["没有更坏的可能未排除", "Nothing worse is left open"],
  not_known: ["尚不清楚", "Not known"], all_known: ["没有未知项", "Nothing is unknown"],
  pending: ["待定：未知项仍在时限内", "Pending: unknowns are inside their time limit"],
  next_steps: ["下一步", "Next steps"], no_steps: ["现在没有可下的指令", "Nothing can be ordered now"],
  propose: ["提请", "Propose"], issue: ["发布", "Issue"], withdraw: ["撤回", "Withdraw"],
  lift: ["解除", "Lift"],
  propose_says: ["研判后提请县指挥部", "After judging, propose it to the headquarters"],
  issue_says: ["发布预警", "Issue the warning"],
  withdraw_says: ["不成立，撤回", "It does not hold: withdraw"],
  ack_says: ["确认收到这份通知", "Acknowledge this notice"],
  lift_says: ["处置完毕或未发生，解除预警", "Handled or not materialised: lift"],
  needs_role: ["须由", "needs"], people_decide: ["程序只起草，由人决定。", "The program drafts, people decide."],
  spread: ["扩散性", "Spread"], yes: ["有", "yes"], no: ["无", "no"],
  evidence: ["依据", "Evidence"], cells: ["受影响单元", "Affected cells"],
  sites_not_ok: ["不正常站点", "Sites that are not OK"], see_all: ["查看全部", "See all"],
  rules: ["规则与条款", "Rules and clauses"], policy: ["参数", "Policy numbers"],
  notices: ["通知与回执", "Notices and receipts"], receipted: ["已回执", "receipted"],
  not_receipted: ["未回执", "no receipt"], log: ["经过", "Record"], machine: ["程序", "machine"],
  sites_out: ["站点中断", "sites down"],
  sign_title: ["签名并发送", "Sign and send"], sign_as: ["签名人", "Signed by"],
  reason: ["理由（记入日志）", "Reason (recorded)"], send: ["签名并发送", "Sign and send"],
  cancel: ["取消", "Cancel"], close: ["关闭", "Close"], text: ["内容", "Text"],
  need_key: ["指令须由本人的密钥签名。", "Orders are signed with your own key."],
  load_key: ["加载密钥文件（.key）", "Load a key file (.key)"],
  key_stays: ["密钥只保存在本浏览器，不能导出，不会发送。", "The key stays in this browser, cannot be exported, is never sent."],
  key_drill: ["演练人员（虚构）", "The drill's people (invented)"],
  key_none: ["未加载密钥", "no key loaded"], key_use: ["使用", "Use"], key_forget: ["从本浏览器删除", "Remove from this browser"],
  key_now: ["当前签名人", "Signing as"],
  key_bad: ["不是 Ed25519 私钥（PEM PKCS8）", "Not an Ed25519 private key (PEM PKCS8)"],
  key_stranger: ["登记册中没有使用此密钥的人：", "Nobody in the register uses this key: "],
  key_insecure: ["此地址没有加密（HTTPS）：只能查看，不能签名。", "This address is not protected (HTTPS): you can read, not sign."],
  role: ["角色", "Roles"],
  new_version: ["有新版本，点此刷新", "New version: reload"],
  not_found: ["没有这个页面", "No such page"],
  more: ["另有", "and"], more_rows: ["个", "more"],
  remarks: ["说明", "Remarks"],
};

let lang = localStorage.getItem("wanglou.lang") ?? "zh"; // the county's language, unless chosen

export const language = () => lang;

export function setLanguage(to) {
  lang = to;
  localStorage.setItem("wanglou.lang", to);
  document.documentElement.lang = to === "zh" ? "zh-CN" : "en";
}
document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";

export const t = (key) => WORDS[key]?.[lang === "zh" ? 0 : 1] ?? key;

// A list in the language's own punctuation.
export const join = (items) => items.join(lang === "zh" ? "、" : ", ");

// A bilingual text of the server.
export const say = (text) => (text ? text[lang] || text.zh || text.en : "");
