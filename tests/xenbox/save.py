# SPDX-License-Identifier: GPL-2.0-or-later
"""Save, restore and live migration of a guest that works meanwhile."""
import re
import time

from box import Failure, note
from cache import Finding

FILE = "/images/saved"


def xl(guest, what, limit=240):
    """An xl command about the guest, its words in a log; seconds that it took."""
    began = time.monotonic()
    log = f"/share/log/xl-save-{guest.name}.log"
    done = guest.box.sh(f"echo '--- xl {what}' >>{log}; timeout {limit} xl -vvv {what} "
                        f">>{log} 2>&1 </dev/null; rc=$?; tail -n 5 {log}; exit $rc", limit + 20)
    if not done:
        raise Failure(f"xl {what} failed: {done.text.strip()[-500:]}")
    return time.monotonic() - began


def moved(guest, old):
    """The guest has a new domain and a new device model; nothing of the old one is left."""
    guest.expect(rf"\[domain (?!{old}\])\d+\]", 60, "the new domain's serial port")
    guest.identify()
    if guest.domid == old:
        raise Failure(f"the guest is still domain {old}")
    left = guest.leftovers(old)
    if left:
        raise Failure(f"of the domain that was saved there is still: {left}")


def read(guest):
    """Seconds of the guest's clock for 8 MiB of its disk."""
    got = guest.cmd("d=$(xb disk 1 1) && echo 3 >/proc/sys/vm/drop_caches && read -r a _ </proc/uptime"
                    " && dd if=$d of=/dev/null bs=64k count=128 2>/dev/null && "
                    "read -r b _ </proc/uptime && echo took $a $b", 120)
    a, b = (float(t) for t in re.search(r"took ([0-9.]+) ([0-9.]+)", got.text).groups())
    return b - a


def awake(guest):
    """Until its shell answers: what comes before Linux has woken its serial port up is lost."""
    for _ in range(60):
        guest.send("echo a-\"wake\"")
        time.sleep(1)
        if re.search(r"a-wake", guest.serial()[guest.mark:]):
            guest.expect(r"a-wake", 1, "the shell")
            return
    raise Failure("the guest's shell does not answer")


def answers(guest, mark):
    """Its memory is as it was, and its shell and its disk work."""
    awake(guest)
    got = guest.cmd("cat /tmp/mark", 120)
    if mark not in got.text:
        raise Failure(f"the guest's memory is another one: {got.text[-200:]}")
    disk = guest.cmd("d=$(xb disk 1 1) && echo 3 >/proc/sys/vm/drop_caches && "
                     "dd if=$d bs=64k count=16 2>/dev/null | sha256sum", 120).text
    want = guest.box.sh("dd if=/images/data.img bs=64k count=16 2>/dev/null | sha256sum",
                        check=True).text.split()[0]
    if want not in disk:
        raise Failure(f"the guest reads its disk wrong: {disk[-300:]}")


def save(session):
    guest = session.need("cd")
    box = guest.box
    mark = f"mark-{time.monotonic_ns()}"
    guest.cmd(f"echo {mark} >/tmp/mark")
    before = read(guest)
    # In the middle of this it is saved: 64 MiB read and hashed, 16 MiB written and flushed.
    guest.send("(xb data >/tmp/data.log 2>&1; echo data-\"done\") &")
    time.sleep(4)
    old = guest.domid
    t_save = xl(guest, f"save {guest.name} {FILE}")
    left = guest.leftovers(old)
    if left:
        raise Failure(f"after xl save there is still: {left}")
    size = int(box.sh(f"stat -c %s {FILE}", check=True).text)
    t_restore = xl(guest, f"restore {FILE}")
    moved(guest, old)
    guest.expect("data-done", 300, "the end of what it did when it was saved")
    got = guest.cmd("cat /tmp/data.log; dmesg | grep -E 'ata[0-9.]+: ' | tail -n 3", 120)
    m = re.search(r"sha256 ([0-9a-f]{64})", got.text)
    if not m or m.group(1) != box.art.sums["data"]:
        raise Finding(f"the disk that it read across the save differs: {got.text[-400:]}")
    if re.search(r"ata[0-9.]+: .*(timeout|frozen|exception|lost)", got.text):
        raise Finding(f"the guest's disk driver complains: {got.text[-400:]}")
    answers(guest, mark)
    after = read(guest)
    width, height, colours = guest.shot("save-restored", 2)
    if colours < 2:
        raise Finding(f"the restored guest's picture is blank ({width}x{height})")
    box.sh(f"rm -f {FILE}")

    # Saved, and it goes on in the same domain.
    t_checkpoint = xl(guest, f"save -c {guest.name} {FILE}")
    box.sh(f"rm -f {FILE}")
    answers(guest, mark)

    # Live, to this host: two domains and two device models for a while.
    guest.send("(while :; do echo 1 >/proc/sys/vm/drop_caches; cat $(xb disk 1 1) >/dev/null;"
               " done) & echo $! >/tmp/busy")
    old = guest.domid
    t_live = xl(guest, f"migrate -s '' {guest.name} 'xl migrate-receive'")
    moved(guest, old)
    guest.cmd("kill $(cat /tmp/busy)", 120)
    answers(guest, mark)
    note(f"log of the last device model: {box.text(f'xen/qemu-dm-{guest.name}.log').strip()!r}")
    return (f"8 MiB read in {before:.1f} s before, {after:.1f} s after; xl save {t_save:.0f} s ({size >> 20} MiB), restore {t_restore:.0f} s, checkpoint "
            f"{t_checkpoint:.0f} s, live migration {t_live:.0f} s")


SCENARIOS = {"save": save}
