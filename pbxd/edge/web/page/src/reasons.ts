// Reasons that pbxd words in English, for who reads Chinese. What is not known here stays as it is.

type Making = (...found: string[]) => string;

const REASONS: [RegExp, string | Making][] = [
  // Why a switch is not heard.
  [/^not connected yet$/, "尚未连接"],
  [/^no answer in time$/, "未及时响应"],
  [/^nothing was heard for ([\d.]+) s$/, (s) => `已有 ${s} 秒没有收到任何信息`],
  [/^the switch refuses our login: (.*)$/, (why) => `交换机拒绝登录：${inChinese(why)}`],
  [/^Connection refused$/i, "连接被拒绝"],
  [/^Connection reset by peer$/i, "连接被对方重置"],
  [/^Connection timed out$/i, "连接超时"],
  [/^No route to host$/i, "无法到达主机"],
  [/^Network is unreachable$/i, "网络不可达"],
  [/^Name or service not known$/i, "找不到主机名"],
  [/^the switch closed the link$/i, "交换机关闭了连接"],
  [/^Authentication failed$/i, "身份验证失败"],
  [/^login refused$/i, "登录被拒绝"],
  [/^closed$/, "已关闭"],
  [/^no manager interface answers there$/, "该地址没有管理接口响应"],
  [/^events come, but no action was answered for ([\d.]+) s$/, (s) => `仍有事件，但已有 ${s} 秒没有操作得到响应`],
  [/^no inventory: (.*)$/, (why) => `无法读取交换机状态：${inChinese(why)}`],
  [/^the switch has finished its start$/, "交换机刚刚启动完成"],
  [/^too much happened while the inventory was taken$/, "读取状态期间事件过多"],
  // What becomes of an order.
  [/^the link was lost$/, "连接已断开"],
  [/^not sent: the link to (.+) is down$/, (node) => `未发送：与 ${node} 的连接已断开`],
  [/^the link is down$/, "连接已断开"],
  [/^you are in no queue now$/, "您目前不属于任何队列"],
  [/^this order is under way$/, "该操作正在进行"],
  [/^Interface not found$/, "未找到该设备"],
  // Why the history is missing.
  [/^the store took longer than ([\d.]+) ms$/, (ms) => `数据库响应超过 ${ms} 毫秒`],
  [/^number withheld$/, "号码未显示"],
  // Where a transfer's target is.
  [/^(.+) is busy$/, (who) => `${who} 忙`],
  [/^(.+) declined$/, (who) => `${who} 拒接`],
  [/^(.+) did not answer$/, (who) => `${who} 无人接听`],
  [/^(.+) hung up$/, (who) => (who === "the caller" ? "来电者已挂断" : `${who} 已挂断`)],
  [/^(.+) could not be reached$/, (who) => `无法接通 ${who}`],
  [/^the caller waits in a queue$/, "来电者正在排队"],
  [/^the caller is back with the transferer$/, "来电者已回到转接人"],
];

/** A reason in Chinese, where it is one that pbxd is known to give. */
export function inChinese(text: string): string {
  for (const [pattern, made] of REASONS) {
    const found = pattern.exec(text);
    if (found) return typeof made === "string" ? made : made(...found.slice(1));
  }
  return text;
}
