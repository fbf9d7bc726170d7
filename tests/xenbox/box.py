# SPDX-License-Identifier: GPL-2.0-or-later
"""One box: the hypervisor and dom0 in qemu-system-x86_64, and ways to talk to them."""
import fcntl
import http.client
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

from cache import Failure, libraries, debian_qemu, note

# One CPU: on emulated CPUs the hypervisor's locks cost more than a second CPU brings, far more when
# the host is busy with other things.
CPUS = os.environ.get("XENBOX_CPUS", "1")
SLOW = float(os.environ.get("XENBOX_SLOW", "1"))     # stretches every time limit


def nested_kvm():
    """Whether /dev/kvm works and can give a guest SVM or VMX: then Xen runs HVM guests in it."""
    KVM_CREATE_VM, KVM_GET_SUPPORTED_CPUID = 0xae01, 0xc008ae05
    try:
        fd = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(fcntl.ioctl(fd, KVM_CREATE_VM, 0))
        room = 256
        buf = bytearray(8 + 40 * room)
        struct.pack_into("<I", buf, 0, room)
        fcntl.ioctl(fd, KVM_GET_SUPPORTED_CPUID, buf)
        for i in range(struct.unpack_from("<I", buf)[0]):
            leaf, _, _, _, _, ecx, _ = struct.unpack_from("<7I", buf, 8 + 40 * i)
            if (leaf == 1 and ecx & 1 << 5) or (leaf == 0x80000001 and ecx & 1 << 2):
                return True
    except OSError:
        pass
    finally:
        os.close(fd)
    return False


def free_ports(n):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Answer:
    def __init__(self, status, text):
        self.status, self.text = status, text

    def __bool__(self):
        return self.status == 0


class Box:
    def __init__(self, artefacts, keep, dm, vnc_port=None):
        """dm is the path of a device model, or 'qemu' for Debian's."""
        self.art, self.keep, self.dm = artefacts, Path(keep), dm
        self.share = self.keep / "share"
        self.log = self.share / "log"
        self.proc = None
        self.shots = 0
        self.http_port, free = free_ports(2)
        self.vnc_port = vnc_port or free
        (self.log / "xen").mkdir(parents=True)
        # Any user of this machine can reach the forwarded port; only who knows the word is served.
        self.word = secrets.token_hex(16)
        (self.share / "word").touch(0o600)
        (self.share / "word").write_text(self.word)
        self._share_dm()

    def _share_dm(self):
        """Puts the device model and its libraries where dom0 finds them."""
        to = self.share / "dm"
        (to / "lib").mkdir(parents=True)
        if self.dm == "qemu":
            root = debian_qemu(self.art.root)
            binary = root / "usr/libexec/xen-qemu-system-i386"
            shutil.copytree(root / "usr/share/qemu", to / "data", symlinks=True)
            files, self.dm_path = [binary], "/opt/qemu"
            shutil.copy(binary, to / "qemu-bin")
            wrapper = to / "qemu"
            wrapper.write_text("#!/bin/sh\nexec /opt/qemu-bin -L /opt/data -L /usr/share/seabios "
                               "-L /usr/lib/ipxe/qemu \"$@\"\n")
            wrapper.chmod(0o755)
            roots = [root, self.art.root]
        else:
            binary = Path(self.dm)
            if not os.access(binary, os.X_OK):
                raise Failure(f"{binary}: no such program")
            shutil.copy(binary, to / "xendm")
            files, self.dm_path, roots = [binary], "/opt/xendm", [self.art.root]
            for so in sorted(binary.parent.glob("ui/*.so")):
                (to / "ui").mkdir(exist_ok=True)
                shutil.copy(so, to / "ui")
                files.append(so)
        for so, path in libraries(files, roots).items():
            shutil.copy(path, to / "lib" / so)

    # Life -----------------------------------------------------------------------------------------

    def start(self, limit=180):
        accel = "kvm" if nested_kvm() else "tcg"
        # The flags that are taken away stumble over faults of TCG (see docs/XENBOX.md).
        cpu = (["-accel", "kvm", "-cpu", "host"] if accel == "kvm" else
               ["-accel", "tcg,thread=multi,tb-size=512",
                "-cpu", "EPYC,-monitor,+svm,+npt,-smap,-smep,-rdtscp,-xsave"])
        forward = (f"hostfwd=tcp:127.0.0.1:{self.http_port}-:80,"
                   f"hostfwd=tcp:127.0.0.1:{self.vnc_port}-:5900")
        argv = ["qemu-system-x86_64", *cpu, "-smp", CPUS, "-m", "3072", "-nodefaults",
                "-display", "none", "-no-reboot", "-name", "xenbox",
                "-serial", f"file:{self.log}/xen-serial.log",
                "-kernel", f"{self.art.dom0}/xen.elf",
                "-append", "dom0_mem=1280M,max:1280M dom0_max_vcpus=1 console=com1 com1=115200,8n1 "
                           "loglvl=all guest_loglvl=all vpmu=off bootscrub=0 spec-ctrl=no xpti=0",
                "-initrd", f"{self.art.dom0}/vmlinux console=hvc0 loglevel=4 mitigations=off,"
                           f"{self.art.dom0}/dom0.cpio",
                "-fsdev", f"local,id=share,path={self.share},security_model=none,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=share,mount_tag=share",
                "-drive", f"file={self.art.guest}/disk.ext4,format=raw,if=none,id=disk,snapshot=on,"
                          "discard=unmap,cache=unsafe",
                "-device", "virtio-blk-pci,drive=disk",
                "-netdev", f"user,id=net,{forward}",
                "-device", "virtio-net-pci,netdev=net,romfile=",
                "-monitor", "unix:monitor,server=on,wait=off"]
        (self.keep / "qemu-command").write_text(shlex.join(argv) + "\n")
        self.began = time.monotonic()
        # If this program dies without a word, the kernel ends QEMU.
        self.proc = subprocess.Popen(argv, cwd=self.keep, stdin=subprocess.DEVNULL,
                                     preexec_fn=die_with_parent,
                                     stdout=open(self.keep / "qemu.log", "wb"),
                                     stderr=subprocess.STDOUT, start_new_session=True)
        self.accel = accel
        self.wait_for(lambda: "dom0:" in self.text("xen-serial.log") and
                      re.search(r"dom0: \S+ ready", self.text("xen-serial.log")),
                      limit, "dom0 to come up")
        note(f"dom0 ready after {time.monotonic() - self.began:.1f} s, "
             f"{self.cpu_seconds():.1f} s of CPU ({accel})")

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()

    def cpu_seconds(self):
        """CPU time that the box has used: says more than the clock on a busy machine."""
        fields = Path(f"/proc/{self.proc.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def alive(self):
        if self.proc.poll() is not None:
            raise Failure(f"the box ended by itself, see {self.keep}/qemu.log and "
                          f"{self.log}/xen-serial.log")

    # Talking --------------------------------------------------------------------------------------

    def text(self, name):
        try:
            return (self.log / name).read_text(errors="replace")
        except OSError:
            return ""

    def wait_for(self, what, limit, why, every=0.25):
        end = time.monotonic() + limit * SLOW
        while True:
            got = what()
            if got:
                return got
            self.alive()
            if time.monotonic() > end:
                raise Failure(f"waited {limit * SLOW:.0f} s for {why}")
            time.sleep(every)

    def sh(self, script, limit=60, check=False):
        """Runs a bash script in dom0."""
        answer = self._post(script, limit)
        if check and not answer:
            raise Failure(f"in dom0: {script[:80]}: {answer.text.strip()[-400:]}")
        return answer

    def _post(self, script, limit):
        self.alive()
        try:
            link = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=limit * SLOW)
            link.request("POST", "/cgi-bin/sh", body=f"{self.word}\n{script}".encode())
            text = link.getresponse().read().decode(errors="replace")
            link.close()
        except (OSError, http.client.HTTPException) as e:
            raise Failure(f"dom0 did not answer in {limit * SLOW:.0f} s ({e}): "
                          f"{script[:80]}") from e
        m = re.search(r"\n=(\d+)\n$", text)
        with open(self.log / "dom0-commands.log", "a") as f:
            f.write(f"--- {time.monotonic() - self.began:.1f} s\n{script}\n{text}\n")
        if not m:
            raise Failure(f"dom0 gave a torn answer to: {script[:80]}")
        return Answer(int(m.group(1)), text[:m.start()])

    def collect(self):
        """What is worth knowing after a failure."""
        try:
            self.sh("xl list; xl dmesg >/share/log/xl-dmesg.log; dmesg >/share/log/dom0-dmesg.log; "
                    "ps >/share/log/ps.log; xenstore-ls -f >/share/log/xenstore.log; "
                    "xl info >/share/log/xl-info.log; "
                    "cat /proc/meminfo >/share/log/meminfo.log", 30)
        except Failure as e:
            note(f"no state of dom0: {e}")


def die_with_parent():
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
