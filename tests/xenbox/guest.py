# SPDX-License-Identifier: GPL-2.0-or-later
"""One HVM guest under xl in a box."""
import re
import subprocess
import time

from box import Answer, Failure, SLOW, note

CONFIG = """\
builder = "hvm"
name = "{name}"
memory = 256
vcpus = {vcpus}
boot = "{boot}"
vga = "stdvga"
vnc = 1
vnclisten = "0.0.0.0"
serial = "{serial}"
disk = [ {disks} ]
vif = [ ]
device_model_version = "qemu-xen"
device_model_override = "{dm}"
{more}
"""


class Guest:
    # To boot, to read, to write. Without the backend type libxl runs the block script, which makes
    # a loop device of a file: that takes seconds in a box, and libxl gives it ten.
    DISKS = [f"/images/{name}.img,raw,{dev},rw,backendtype=qdisk"
             for name, dev in (("boot", "hda"), ("data", "hdb"), ("scratch", "hdc"))]
    OLD_DISK = ["file:/images/boot.img,hda,w"]
    CD = ["file:/images/boot.iso,hdc:cdrom,r"]

    def __init__(self, box, name, disks=None, boot="c", vcpus=1, serial="pty", more=""):
        self.box, self.name = box, name
        self.config = CONFIG.format(
            name=name, boot=boot, vcpus=vcpus, serial=serial, dm=box.dm_path, more=more,
            disks=", ".join(repr(d) for d in (self.DISKS if disks is None else disks)))
        self.pty = serial == "pty"
        self.domid, self.dm_pid, self.mark = None, None, 0
        self.stamps = {}

    def create(self, limit=60):
        """xl create; the answer holds what it said."""
        self.mark = 0
        self.began, self.cpu_began = time.monotonic(), self.box.cpu_seconds()
        done = self.box.sh(f"kill $(cat /tmp/attach-{self.name}) 2>/dev/null\n"
                           f"rm -f /share/log/serial-{self.name}.log\n"
                           f"cat >/share/log/{self.name}.cfg <<'EOF'\n{self.config}EOF\n"
                           f"timeout {limit * SLOW:.0f} xl -vvv create /share/log/{self.name}.cfg "
                           f">/share/log/xl-{self.name}.log 2>&1 </dev/null; rc=$?\n"
                           "grep -vE 'debug:|detail:|Parsing config' "
                           f"/share/log/xl-{self.name}.log; exit $rc", limit + 20)
        if done:
            self.identify()
            if self.pty:
                self.box.sh(f"setsid attach {self.name} </dev/null >/dev/null 2>&1 &\n"
                            f"echo $! >/tmp/attach-{self.name}", check=True)
            self.stamp("created")
        return done

    def identify(self):
        """Domain id and process id of the device model; both change when a guest reboots."""
        got = self.box.sh(f"id=$(xl domid {self.name}) && echo $id && "
                          "xenstore-read /local/domain/$id/image/device-model-pid", check=True)
        self.domid, self.dm_pid = (int(v) for v in got.text.split()[:2])

    def boot(self, limit=240):
        """Creates the guest and waits for the shell on its serial port."""
        done = self.create()
        if not done:
            raise Failure(f"xl create failed: {done.text.strip()[-300:]}")
        self.expect(r"xenbox boot menu", 120, "the boot menu")
        self.stamp("menu")
        self.expect(r"Loading /guest.xz", 300, "the kernel to load")
        self.stamp("kernel loaded")
        self.wait_ready(limit)

    def wait_ready(self, limit=240):
        self.expect(r"xenbox-init", limit, "init")
        self.stamp("init")
        self.expect(r"xenbox-guest-ready", 90, "the guest's shell")
        self.expect(r"xenbox# ", 30, "the prompt")
        self.stamp("ready")

    def stamp(self, what):
        self.stamps[what] = (time.monotonic() - self.began, self.box.cpu_seconds() - self.cpu_began)

    def times(self):
        """Seconds since xl create, and the CPU seconds of the box in them."""
        return ", ".join(f"{k} {v:.0f} s ({c:.0f})" for k, (v, c) in self.stamps.items())

    # Serial port ----------------------------------------------------------------------------------

    def serial(self):
        return self.box.text(f"serial-{self.name}.log")

    def expect(self, pattern, limit, why):
        """Waits for a pattern on the serial port, past what was expected before."""
        def look():
            text = self.serial()
            m = re.compile(pattern).search(text, self.mark)
            if m:
                self.mark = m.end()
            elif re.search(r"Kernel panic|end Kernel panic", text[self.mark:]):
                raise Failure(f"{self.name}: kernel panic while waiting for {why}")
            return m
        return self.box.wait_for(look, limit, f"{why} of {self.name}")

    def send(self, text):
        self.box.sh(f"cat >$(cat /tmp/tty-{self.name}) <<'EOF'\n{text}\nEOF", check=True)

    def cmd(self, command, limit=60):
        """Runs a command in the guest's shell."""
        self.send(f"{command}; echo xb-\"end\" $?")
        start = self.mark
        m = self.expect(r"xb-end (\d+)", limit, f"the end of '{command}'")
        text = self.serial()[start:m.start()].replace("\r", "")
        return Answer(int(m.group(1)), text)

    # End ------------------------------------------------------------------------------------------

    def wait_gone(self, limit=60):
        """Waits until the domain is no more."""
        self.box.wait_for(lambda: not self.box.sh(f"xl domid {self.name} >/dev/null 2>&1"), limit,
                          f"the end of domain {self.name}", every=1)

    def destroy(self):
        self.box.sh(f"xl destroy {self.name}", 60)

    def leftovers(self, domid=None, limit=10):
        """What a dead domain has left in dom0, as text; '' if nothing."""
        n = domid or self.domid
        script = (f"ls -d /run/xen/qmp-*-{n} 2>/dev/null; ls /sys/class/net | grep '^vif{n}\\.';"
                  f"ps | grep -v grep | grep -- '-xen-domid {n} ';"
                  f"xenstore-exists /local/domain/0/device-model/{n} && "
                  f"echo xenstore device-model/{n};"
                  f"xenstore-exists /local/domain/{n} && echo xenstore domain/{n};"
                  f"xl list | awk '$2 == {n} {{ print \"domain\", $0 }}'; true")
        end = time.monotonic() + limit * SLOW
        while True:
            left = self.box.sh(script, check=True).text.strip()
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.5)

    # Screen ---------------------------------------------------------------------------------------

    def vnc(self, *commands, limit=60):
        argv = [str(self.box.vncctl), f"127.0.0.1:{self.box.vnc_port}", *commands]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=limit * SLOW)
        except subprocess.TimeoutExpired as e:
            raise Failure("the VNC server hangs") from e
        if done.returncode:
            raise Failure(f"vncctl: {done.stdout.strip()}")
        return done.stdout

    def shot(self, name, colours=0, limit=60):
        """Takes screenshots until one has that many colours; returns width, height and colours.

        A viewer's first picture may be older than the guest's screen, black with QEMU's server.
        """
        path = self.box.keep / f"{name}.png"
        end = time.monotonic() + limit * SLOW
        while True:
            try:
                said = self.vnc("wait", "1", "shot", str(path))
            except Failure as e:
                # A server may give up on a client that is slow because the machine is.
                note(str(e))
                if time.monotonic() > end:
                    raise
                continue
            m = re.search(r"shot \S+ (\d+)x(\d+) colours=(\d+)", said)
            got = tuple(int(v) for v in m.groups())
            if got[2] >= colours or time.monotonic() > end:
                return got
