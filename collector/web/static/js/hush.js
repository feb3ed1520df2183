// Words of shelves, closing and maintenance windows.

import { learnWords } from "./i18n.js";

learnWords({
  closed: ["已关闭", "Closed"], purge: ["清理", "Purge"],
  shelve: ["搁置", "Shelve"], unshelve: ["取消搁置", "Unshelve"],
  shelf: ["搁置的告警", "Shelf"], no_shelf: ["没有搁置的告警", "Nothing is shelved"],
  shelf_says: ["搁置期间照常监测，影响照常计入，仅不发设备通知；到期自动恢复并告知。重点单位不得搁置。",
    "Watched and counted as ever; only device news is not told. Ends by itself and says so. Never at a key unit."],
  shelf_name: ["搁置名称", "Name of the shelf"], for_hours: ["搁置时长", "For"],
  hours: ["小时", "hours"],
  maintenance: ["维护窗口", "Maintenance"],
  maintain: ["登记维护窗口", "Enter a window"], coming: ["未开始", "To come"],
  maintenance_says: ["窗口内照常监测和显示，不计入影响、不发通知；结束时重新研判并告知。重点单位不受窗口影响。",
    "Watched and shown, not counted and not told; judged anew and told at its end. Key units are never covered."],
  maintain_says: ["窗口内不计入影响、不发通知", "Not counted and not told while it lasts"],
  no_windows: ["没有维护窗口", "No maintenance window"],
  targets: ["维护对象", "What is worked on"],
  targets_hint: ["站点:ID 设备:ID 企业:ID/乡镇代码", "site:ID device:ID operator:ID/town"],
  window_name: ["名称", "Name"], from: ["开始（北京时间）", "From (China time)"],
  to: ["结束（北京时间）", "To (China time)"], repeats: ["重复", "Repeats"],
  once: ["不重复", "once"], daily: ["每天", "daily"], weekly: ["每周", "weekly"],
  monthly: ["每月", "monthly"], yearly: ["每年", "yearly"],
  end_window: ["结束", "End"], end_says: ["立即结束，以后各次一并撤销", "ends now, with all to come"],
  end_register_says: ["仅结束本次，登记册中的以后各次不变", "this time alone; the register's others stay"],
  of_register: ["登记册", "the register"], entered_it: ["登记", "entered it"],
  out_of_order: ["台不正常", "out of order"], all_in_order: ["均正常", "all in order"],
  devices_unit: ["台设备", "devices"],
  changes: ["变化记录", "Changes"], was_raised: ["发生", "raised"], was_cleared: ["清除", "cleared"],
  was_flapping: ["频繁闪断开始", "flapping began"], was_settled: ["频繁闪断结束", "flapping over"],
  slight: ["提示", "warning"],
});
