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
  // To whom a call can be handed over, and to whom not.
  [/^(.*); in about (\d+) (s|min)$/, (what, n, unit) => `${inChinese(what)}，约 ${n} ${unit === "s" ? "秒" : "分钟"}后`],
  [/^free$/, "空闲"],
  [/^free, (.+) (\d+)$/, (skill, level) => `空闲，${skill} ${level} 级`],
  [/^(\d+) of (\d+) free$/, (n, all) => `${all} 人中 ${n} 人空闲`],
  [/^nobody waits, (\d+) serving, (\d+) free$/, (n, free) => `无人等待，${n} 人服务，${free} 人空闲`],
  [/^(\d+) callers? waits?, (\d+) serving, (\d+) free$/, (w, n, free) => `${w} 人等待，${n} 人服务，${free} 人空闲`],
  [/^a number outside$/, "外部号码"],
  [/^takes a message$/, "可以留言"],
  [/^the switch (.+) takes no messages: (.*)$/, (node, why) => `交换机 ${node} 无法留言：${inChinese(why)}`],
  [/^the switch (.+) is not prepared for transfers: .*$/, (node) => `交换机 ${node} 尚未准备好转接`],
  [/^a queue is no target now: the switch (.+) is not prepared for transfers$/, (node) => `暂时无法转接到队列：交换机 ${node} 尚未准备好转接`],
  [/^a voicemail is no target now: the switch (.+) is not prepared for transfers$/, (node) => `暂时无法转接到信箱：交换机 ${node} 尚未准备好转接`],
  [/^that is yourself$/, "这是您自己"],
  [/^(.+) has no phone on (.+)$/, (who, node) => `${who} 在 ${node} 上没有话机`],
  [/^(.+) is not signed in, or his phone cannot be reached$/, (who) => `${who} 未登录，或话机无法接通`],
  [/^(.+) is paused$/, (who) => `${who} 已暂停`],
  [/^(.+) still has notes to write$/, (who) => `${who} 正在话后处理`],
  [/^(.+)'s phone rings already$/, (who) => `${who} 的话机正在振铃`],
  [/^(.+) is talking$/, (who) => `${who} 正在通话`],
  [/^nobody has the skill '(.+)'$/, (skill) => `没有人具备技能 ${skill}`],
  [/^everybody with the skill '(.+)' is busy$/, (skill) => `具备技能 ${skill} 的人都在忙`],
  [/^everybody with the skill '(.+)' is paused or away$/, (skill) => `具备技能 ${skill} 的人都已暂停或离开`],
  [/^nobody else has the skill '(.+)'$/, (skill) => `没有其他人具备技能 ${skill}`],
  [/^everybody with the skill '(.+)' was tried$/, (skill) => `具备技能 ${skill} 的人都已尝试`],
  [/^nobody with the skill '(.+)' is here$/, (skill) => `具备技能 ${skill} 的人都不在`],
  [/^nobody serves the queue '(.+)' now$/, (queue) => `目前没有人服务队列 ${queue}`],
  [/^there is no queue '(.+)' on (.+)$/, (queue, node) => `${node} 上没有队列 ${queue}`],
  [/^there is no agent '(.+)'$/, (who) => `没有坐席 ${who}`],
  [/^this is not a telephone number$/, "这不是电话号码"],
  [/^there is no such telephone number$/, "没有这个电话号码"],
  [/^emergency numbers are not dialled in a transfer$/, "转接时不能拨打紧急号码"],
  [/^(\+\d+) is not among the numbers that may be dialled$/, (number) => `${number} 不在允许拨打的号码之内`],
  [/^no more than (\d+) calls to numbers outside in an hour$/, (n) => `一小时内最多 ${n} 次外部呼叫`],
  // What becomes of a transfer.
  [/^this caller is being handed over already$/, "此来电者正在转接中"],
  [/^the switch (.+) cannot be reached now$/, (node) => `目前无法连接交换机 ${node}`],
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
