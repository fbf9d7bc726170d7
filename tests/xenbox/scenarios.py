# SPDX-License-Identifier: GPL-2.0-or-later
"""What a device model must show. One guest serves several scenarios where it can."""
import re
import time

import net
import netboot
import save
from box import Failure, note
from cache import Finding
from guest import Guest

SIZE_LIMIT_KB = 8 * 1024
MENU_COLOURS = 5


class Session:
    """The scenarios of one box; keeps the guest that the next scenario may want."""

    def __init__(self, box, report):
        self.box, self.report = box, report
        self.guest, self.kind = None, None
        self.failed = set()

    def drop(self):
        if self.guest:
            self.guest.destroy()
        self.guest = self.kind = None

    def need(self, kind):
        """A running guest of a kind: 'disk', 'cd', 'net' or 'smp'."""
        if self.kind == kind:
            return self.guest
        self.drop()
        if kind in self.failed:
            raise Failure(f"the {kind} guest did not boot, see above")
        self.failed.add(kind)
        if kind == "cd":
            # All four drives: the CD must be chosen though the disk could boot too.
            guest = Guest(self.box, "cd", disks=Guest.DISKS + ["file:/images/boot.iso,hdd:cdrom,r"],
                          boot="dc")
            self.boot_with_menu(guest)
        elif kind == "net":
            guest = net.boot(self)
        else:
            guest = Guest(self.box, kind, vcpus=2 if kind == "smp" else 1)
            self.guest = guest
            guest.boot()
        self.failed.remove(kind)
        note(f"{kind} guest: {guest.times()}")
        self.guest, self.kind = guest, kind
        return guest

    def boot_with_menu(self, guest):
        """Boots while a viewer looks at the boot menu and holds it with a key."""
        self.guest = guest
        done = guest.create()
        if not done:
            raise Failure(f"xl create failed: {done.text.strip()[-300:]}")
        guest.expect(r"xenbox boot menu", 120, "the boot menu")
        guest.stamp("menu")
        # A key stops the menu's clock; the menu draws line by line, on the serial port too.
        guest.vnc("key", "Down")
        self.menu = guest.shot("screen-menu", MENU_COLOURS)
        guest.vnc("key", "Up", "wait", "0.3", "key", "Return")
        guest.wait_ready()

    # Scenarios: each raises Failure or returns what to say --------------------------------------

    def boot_disk(self):
        guest = self.need("disk")
        return guest.times()

    def boot_cd(self):
        guest = self.need("cd")
        if "ISOLINUX" not in guest.serial():
            raise Finding("the guest has not booted from the CD")
        got = guest.cmd("mount -t iso9660 /dev/sr0 /mnt && cat /mnt/marker.txt && "
                        "sha256sum /mnt/vmlinuz && umount /mnt", 120)
        if not got or "xenbox cd" not in got.text:
            raise Finding(f"the guest cannot read its CD: {got.text[-200:]}")
        want = self.box.art.sums["vmlinuz"]
        if want not in got.text:
            raise Finding("the kernel that the guest read from the CD is not the one on it")
        return guest.times()

    def smp(self):
        guest = self.need("smp")
        got = guest.cmd("grep -c ^processor /proc/cpuinfo").text.split()
        if "2" not in got:
            raise Finding(f"two vCPUs were asked for, the guest has {got}")
        return guest.times()

    def size(self):
        guest = self.need("disk")
        time.sleep(2)
        got = self.box.sh(f"cd /proc/{guest.dm_pid}; cat smaps_rollup; ls task | wc -l;"
                          "cat smaps >/share/log/smaps.log", check=True).text
        kb = {k: int(v) for k, v in re.findall(r"^(\w+):\s+(\d+) kB", got, re.M)}
        private = kb["Private_Clean"] + kb["Private_Dirty"]
        said = (f"private {private} kB ({kb['Private_Dirty']} dirty), resident {kb['Rss']} kB, "
                f"{got.split()[-1]} threads")
        if private > SIZE_LIMIT_KB:
            raise Finding(f"{said}; at most {SIZE_LIMIT_KB} kB allowed")
        return said

    def idle(self):
        """CPU time and wakeups of the device model while the guest does nothing."""
        guest = self.need("disk")
        time.sleep(3)
        script = (f"p=/proc/{guest.dm_pid}; look() {{ awk '{{ print $14 + $15 }}' $p/stat; "
                  "cat $p/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'; }; "
                  "look; sleep 10; look")
        t0, n0, t1, n1 = (int(v) for v in self.box.sh(script, check=True).text.split())
        return f"{(t1 - t0) / 10:.1f} % of a core, {(n1 - n0) / 10:.1f} wakeups a second"

    def data(self):
        guest = self.guest if self.kind == "cd" else self.need("disk")
        got = guest.cmd("xb data", 180)
        text = got.text
        # dev1.1: port 1, unit 1, the disk that is hashed.
        if not re.search(r"mode dev1\.1 ata XFER_UDMA", text):
            raise Failure(f"the disk does not run in a UDMA mode: {text[-400:]}")
        m = re.search(r"sha256 ([0-9a-f]{64})", text)
        if not m or m.group(1) != self.box.art.sums["data"]:
            raise Failure(f"sha256 of the 64 MiB disk differs: {m and m.group(1)}")
        times = re.search(r"times (\S+) (\S+) (\S+)", text)
        if not times:
            raise Failure(f"the pattern was not written: {text[-300:]}")
        t0, t1, t2 = (float(t) for t in times.groups())
        mode = sorted(set(re.findall(r"XFER_(UDMA_\d+)", text)))
        self.power_off(guest)
        # The image as dom0 sees it after the guest is gone, not from any cache of the device model.
        check = self.box.sh(
            "cd /images && echo 3 >/proc/sys/vm/drop_caches && "
            "dd if=data.img bs=4096 skip=3001 count=4096 2>/dev/null | sha256sum && "
            "dd if=scratch.img bs=4096 skip=777 count=4096 2>/dev/null | sha256sum && "
            "dd if=scratch.img bs=512 skip=1 count=1 2>/dev/null | tr -d '\\0'",
            120, check=True).text
        a, _, b, _, mark = check.split(None, 4)
        if a != b:
            raise Failure("the pattern that the guest flushed is not in the image")
        if mark.strip() != "xenbox wrote this":
            raise Failure(f"the mark that the guest flushed is not in the image: {mark!r}")
        return (f"{', '.join(mode)}; 64 MiB read and hashed in {t1 - t0:.1f} s, "
                f"16 MiB written and flushed in {t2 - t1:.1f} s")

    def power_off(self, guest):
        began = time.monotonic()
        guest.send("poweroff -f")
        guest.wait_gone(60)
        self.guest = self.kind = None
        self.off_after = time.monotonic() - began
        left = guest.leftovers()
        if left:
            raise Failure(f"after power-off there is still: {left}")

    def poweroff(self):
        """Power-off ends the domain; 'data' has shown it already if it ran."""
        if not hasattr(self, "off_after"):
            self.power_off(self.need("disk"))
        return f"the domain was gone {self.off_after:.1f} s after poweroff"

    def reboot(self):
        guest = self.need("cd")
        old, old_pid = guest.domid, guest.dm_pid
        began = time.monotonic()
        guest.send("reboot -f")
        self.box.wait_for(lambda: self.box.sh(f"n=$(xl domid {guest.name}) && [ $n != {old} ]"), 60,
                          "a new domain after reboot", every=1)
        guest.expect(rf"\[domain (?!{old}\])\d+\]", 30, "the new domain's serial port")
        guest.expect(r"xenbox boot menu", 120, "the boot menu after reboot")
        guest.identify()
        if guest.dm_pid == old_pid:
            raise Failure("the new domain has the old device model")
        left = guest.leftovers(old)
        if left:
            raise Failure(f"after reboot there is still: {left}")
        return (f"domain {old} became {guest.domid}, "
                f"boot menu after {time.monotonic() - began:.1f} s")

    def destroy(self):
        # In the middle of things: while the boot loader reads the disk.
        self.drop()
        guest = self.guest = Guest(self.box, "victim", disks=Guest.OLD_DISK)
        if not guest.create():
            raise Failure("xl create failed")
        guest.expect(r"xenbox boot menu", 120, "the boot menu")
        began = time.monotonic()
        guest.destroy()
        took = time.monotonic() - began
        self.guest = self.kind = None
        left = guest.leftovers()
        if left:
            raise Failure(f"after xl destroy there is still: {left}")
        return f"xl destroy took {took:.1f} s and left nothing"

    def screen(self):
        guest = self.need("cd")
        width, height, colours = self.menu
        if (width, height) != (720, 400) or colours < MENU_COLOURS:
            raise Finding(f"the boot menu's picture is {width}x{height} with {colours} colours")
        got = guest.cmd("xb screen").text
        if not re.search(r"bochs-?drm", got):
            raise Finding(f"bochs-drm did not take over: {got[-300:]}")
        size = re.search(r"^(\d+),(\d+)$", got, re.M)
        guest.vnc("type", "echo key-$((6*7)) >/dev/ttyS0\n", "wait", "1")
        guest.expect(r"key-42", 60, "what was typed by VNC")
        guest.vnc("type", "clear; echo \"Hello, VNC\"; cat /proc/version; ls --color /\n")
        width, height, colours = guest.shot("screen-console", 3)
        if (str(width), str(height)) != (size.group(1), size.group(2)):
            raise Finding(f"the console is {size.group(0)}, its picture {width}x{height}")
        if colours < 3:
            raise Finding("the console's picture is blank")
        return f"menu 720x400, console {width}x{height}, keys arrive"

    def serial_file(self):
        self.drop()
        self.box.sh("rm -f /share/log/serial-file.log")
        guest = Guest(self.box, "file", disks=Guest.CD, boot="d",
                      serial="file:/share/log/serial-file.log")
        self.guest = guest
        if not guest.create():
            raise Failure("xl create failed")
        guest.expect(r"ISOLINUX", 60, "the boot loader's first line in the file")
        self.drop()
        return "the boot loader's output is in the file"

    def errors(self):
        """Each mistake: xl fails, one clear line in the log, nothing left."""
        self.drop()
        def with_args(*args):
            return dict(disks=Guest.CD, more=f"device_model_args = {list(args)}")
        cases = [
            ("missing image", dict(disks=["/images/none.img,raw,hda,rw"]), None),
            ("missing CD", dict(disks=["file:/images/none.iso,hdc:cdrom,r"]), None),
            ("unknown device", with_args("-device", "no-such-device"), "no-such-device"),
            ("unknown option", with_args("-no-such-option"), "no-such-option"),
            ("taken VNC port", dict(disks=Guest.CD, more="vncdisplay = 7\nvncunused = 0"),
             "5907|already in use"),
            ("bad serial port", dict(disks=Guest.CD, serial="file:/no/such/folder/file"),
             "/no/such/folder"),
        ]
        self.box.sh("setsid nc -l -p 5907 </dev/null >/dev/null 2>&1 &")
        try:
            return self.mistakes(cases)
        finally:
            self.box.sh("fuser -k 5907/tcp; killall nc")

    def mistakes(self, cases):
        """Guests that cannot start: (what is wrong, arguments of Guest, pattern of a line of the
        device model's or xl's log, or None)."""
        wrong = []
        for i, (what, args, word) in enumerate(cases):
            guest = Guest(self.box, f"bad{i}", **args)
            began = time.monotonic()
            done = guest.create()
            took = time.monotonic() - began
            if done:
                wrong.append(f"{what}: xl create went well")
                guest.destroy()
                continue
            # The id of the domain that never was: from xl's log.
            log = self.box.text(f"xl-bad{i}.log")
            ids = re.findall(r"Domain (\d+):|domid (\d+)", log)
            domid = int(next((a or b for a, b in ids if (a or b) != "0"), 0))
            left = guest.leftovers(domid) if domid else ""
            if left:
                wrong.append(f"{what}: leaves {left}")
            said = f"{self.box.text(f'xen/qemu-dm-bad{i}.log').strip()}\n{done.text}"
            if word:
                lines = [line for line in said.splitlines() if re.search(word, line, re.I)]
                if not lines:
                    wrong.append(f"{what}: no line with '{word}' in {said!r}")
                    continue
                said = lines[0]
            note(f"{what}: xl failed after {took:.1f} s" + (f": {said}" if word else ""))
        if wrong:
            raise Failure("; ".join(wrong))
        return f"{len(cases)} mistakes"


# In the order that needs the fewest guests.
SCENARIOS = {
    "boot-disk": Session.boot_disk, "size": Session.size, "idle": Session.idle,
    "screen": Session.screen, "boot-cd": Session.boot_cd, **save.SCENARIOS,
    "data": Session.data, "poweroff": Session.poweroff,
    "reboot": Session.reboot, "destroy": Session.destroy, "serial-file": Session.serial_file,
    "errors": Session.errors, **net.SCENARIOS, **netboot.SCENARIOS, "smp": Session.smp,
}
GROUPS = {
    "smoke": ["boot-disk", "size", "data", "poweroff"],
    "power": ["poweroff", "reboot", "destroy"],
    "net": [*net.SCENARIOS, *netboot.SCENARIOS],
    "all": list(SCENARIOS),
}
