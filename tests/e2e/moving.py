"""A transfer's moves made by hand: the AMI actions that pbxd sends, sent by a test while no pbxd runs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from deploy.lab.ami import Message
from deploy.lab.phones import Phone, until
from deploy.lab.switch import Switch

_numbers = itertools.count(1)


@dataclass
class Parties:
    """One transfer. ``caller`` and ``transferer`` are channels' names, ``target`` the id of one to be."""

    switch: Switch
    caller: str
    transferer: str
    recall: str = ""
    transfer: str = ""
    attempt: int = 0
    target: str = ""
    events: list[Message] = field(default_factory=list)

    @classmethod
    async def of(cls, switch: Switch, caller: str, transferer: str, recall: str = "") -> Parties:
        self = cls(switch, caller, transferer, recall, transfer=f"t{next(_numbers)}")
        switch.ami.on_event(self.events.append)
        return self

    # ------------------------------------------------------------ actions

    async def set(self, channel: str, **values: str) -> None:
        for name, value in values.items():
            await self.switch.ami.action("Setvar", Channel=channel, Variable=f"PBXD_{name}", Value=value)

    async def redirect(self, channel: str, exten: str, extra: str = "", extra_exten: str = "") -> None:
        headers = {"Channel": channel, "Context": "pbxd-transfer", "Exten": exten, "Priority": "1"}
        if extra:
            headers |= {
                "ExtraChannel": extra,
                "ExtraContext": "pbxd-transfer",
                "ExtraExten": extra_exten,
                "ExtraPriority": "1",
            }
        await self.switch.ami.action("Redirect", headers)

    async def originate(
        self, dial: str, *, meet: str = "transferer", timeout_s: float = 20.0, caller_id: str = ""
    ) -> str:
        """Ring the target; its ChannelId."""
        self.attempt += 1
        self.target = f"pbxd-{self.transfer}-{self.attempt}-near"
        await self.set(self.caller, TARGET=self.target)
        await self.set(self.transferer, TARGET=self.target)
        await self.dial(dial, self.target, meet=meet, timeout_s=timeout_s, caller_id=caller_id)
        return self.target

    async def dial(
        self, dial: str, channel: str, *, meet: str, timeout_s: float = 20.0, caller_id: str = ""
    ) -> None:
        variables = {
            "TRANSFER": self.transfer,
            "CALLER": self.caller,
            "TRANSFERER": self.transferer,
            "MEET": meet,
        }
        # Without it a Local channel speaks slin, and everything through it is coded twice.
        codecs = {"Codecs": "ulaw,alaw"} if dial.startswith("Local/") else {}
        await self.switch.ami.action(
            "Originate",
            codecs,
            Channel=dial,
            Context="pbxd-transfer",
            Exten="answered",
            Priority="1",
            Async="true",
            ChannelId=channel,
            OtherChannelId=f"{channel.removesuffix('-near')}-far",
            Timeout=str(int(timeout_s * 1000)),
            CallerID=caller_id or '"Caller" <+8613800138000>',
            Variable=",".join(f"PBXD_{name}={value}" for name, value in variables.items()),
        )

    # ------------------------------------------------------------ moves

    async def hold(self) -> None:
        """The caller on hold, the transferer in the waiting room."""
        await self.set(
            self.caller,
            TRANSFER=self.transfer,
            TRANSFERER=self.transferer,
            TARGET="",
            RECALL=self.recall,
            CALLER="",
        )
        await self.set(
            self.transferer, TRANSFER=self.transfer, CALLER=self.caller, TARGET="", TRANSFERER="", AFTER=""
        )
        await self.redirect(self.caller, "hold", self.transferer, "consult")

    async def start(self, dial: str, **more: float) -> str:
        await self.hold()
        return await self.originate(dial, **more)  # type: ignore[arg-type]

    async def cancel_ringing(self) -> None:
        await self.switch.ami.action("Hangup", Channel=self.target_name())
        await self.redirect(self.caller, "meet-transferer")

    async def cancel_talking(self) -> None:
        await self.set(self.target_name(), AFTER="release")
        await self.redirect(self.caller, "meet-transferer")

    async def swap(self) -> None:
        await self.set(self.target_name(), AFTER="hold")
        await self.redirect(self.caller, "meet-transferer")

    async def swap_back(self) -> None:
        await self.set(self.transferer, AFTER="wait")
        await self.redirect(self.caller, "hold", self.target_name(), "answered")

    async def complete(self) -> None:
        await self.set(self.transferer, AFTER="release")
        await self.redirect(self.caller, "meet-target")

    async def complete_swapped(self) -> None:
        await self.redirect(self.caller, "meet-target", self.transferer, "release")

    async def merge(self) -> None:
        """From talking; the caller joins the two."""
        await self.redirect(self.caller, "conference")

    async def merge_swapped(self) -> None:
        await self.redirect(self.target_name(), "conference")

    async def leave(self) -> None:
        await self.redirect(self.transferer, "release")

    # ------------------------------------------------------------ what is seen

    def named(self, name: str) -> list[Message]:
        return [event for event in self.events if event["Event"] == name]

    def target_name(self) -> str:
        """The target channel's name, from the events."""
        return next(
            event["Channel"] for event in self.named("Newchannel") if event["Uniqueid"] == self.target
        )

    async def happens(self, name: str, **headers: str) -> Message:
        """Wait for an event with these headers."""

        def found() -> list[Message]:
            return [e for e in self.named(name) if headers.items() <= e.items()]

        await until(lambda: bool(found()), lambda: f"no {name} with {headers}")
        return found()[0]


async def channel_of(switch: Switch, phone: Phone) -> str:
    """The name of the newest channel of an agent's phone."""
    prefix = f"PJSIP/{phone.number}-"
    return max(name for name in (await switch.held())["channels"] if name.startswith(prefix))


async def caller_channel(switch: Switch) -> str:
    return next(name for name in (await switch.held())["channels"] if name.startswith("PJSIP/trunk"))
