# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything the xenbox boots, made from Debian packages and kept in a cache.

Packages are downloaded and unpacked, never installed: a hypervisor or kernel package would change
the boot loader of the machine this runs on. Every artefact lives in a folder named after a hash of
what it is made from (package versions, scripts), so a second run finds it ready.
"""
import fcntl
import gzip
import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XENDM_CACHE") or
             Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xendm")
KEEP, KEEP_HOURS = 3, 6

PACKAGES = """
xen-hypervisor-4.17-amd64 xen-utils-4.17 xen-utils-common xenstore-utils libxencall1
libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 libxenhypfs1 libxenmisc4.17
libxenstore4 libxentoolcore1 libxentoollog1 libyajl2 libnl-3-200 libnl-route-3-200
seabios xkb-data libgcc-s1 ipxe-qemu busybox-static bash iproute2 libbpf1 libelf1 libmnl0
libtirpc3 libxtables12 libncurses6 libtinfo6
libcap2 kmod util-linux mount libsmartcols1 syslinux syslinux-common isolinux
ethtool netcat-openbsd libbsd0 libmd0
""".split()
QEMU_PACKAGES = ["qemu-system-xen", "qemu-system-data"]

DOM0_PROGRAMS = """
bin/bash bin/ip bin/kmod usr/bin/flock sbin/losetup usr/bin/xenstore
usr/lib/xen-4.17/bin/xl usr/lib/xen-4.17/bin/xenstored
usr/lib/xen-4.17/bin/xenconsoled usr/lib/xen-4.17/bin/xenconsole usr/lib/xen-4.17/bin/xen-init-dom0
usr/lib/xen-4.17/bin/libxl-save-helper usr/lib/xen-4.17/bin/lsevtchn usr/lib/xen-4.17/bin/xen-hvmctx
usr/lib/xen-4.17/bin/xentop usr/lib/xen-4.17/bin/xen-diag usr/lib/xen-4.17/bin/depriv-fd-checker
usr/lib/xen-4.17/bin/vchan-socket-proxy sbin/bridge sbin/ethtool
bin/nc.openbsd
""".split()
DOM0_MODULES = """
xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs xen-netback xen-blkback bridge tun loop 8021q
virtio_pci virtio_net virtio_blk 9p 9pnet_virtio ext4 crc32c_generic
""".split()
GUEST_MODULES = """
ata_piix ata_generic libata sd_mod sr_mod cdrom isofs vfat nls_ascii nls_cp437
bochs cirrus psmouse evdev e1000 8139too 8139cp 8021q
""".split()
# On the CD, for the guests that want them: in the initramfs they would cost every guest's boot.
GUEST_TOOLS = ["sbin/ethtool"]

# Why each parameter is there:
#  xen_emul_unplug=never  Linux on Xen unplugs the emulated disks and NICs and uses PV ones instead;
#                         these tests are about the emulated ones.
#  initcall_blacklist     xen-kbdfront is built in; where no vkbd backend answers, it makes the boot
#                         wait 30 s. xen-blkfront is a module and simply not in the initramfs.
GUEST_CMDLINE = ("console=tty0 console=ttyS0,115200 xen_emul_unplug=never "
                 "initcall_blacklist=xenkbd_init panic=5")
BOOT_MENU = """\
SERIAL 0 115200
UI menu.c32
PROMPT 0
TIMEOUT {timeout}
MENU TITLE xenbox boot menu
MENU AUTOBOOT xenbox boots in # s
LABEL linux
  MENU LABEL Linux
  KERNEL {root}vmlinuz
  APPEND initrd={root}guest.xz {args} {quiet}
LABEL verbose
  MENU LABEL Linux, verbose
  KERNEL {root}vmlinuz
  APPEND initrd={root}guest.xz {args}
"""


class Failure(Exception):
    pass


class Finding(Failure):
    """A check went wrong, but the guest is as good as before."""


def note(text):
    print(f"# {text}", flush=True)


def call(*argv, **kw):
    """Run a program; its output becomes part of the error if it fails."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, **kw)
    if done.returncode:
        raise Failure(f"{' '.join(str(a) for a in argv)}: {done.stdout.strip()}")
    return done.stdout


def key_of(*parts):
    h = hashlib.sha256()
    for p in parts:
        h.update(p.read_bytes() if isinstance(p, Path) else str(p).encode())
        h.update(b"\0")
    return h.hexdigest()[:16]


def artefact(name, key, make):
    """The folder CACHE/name-key; make(folder) fills it if it is not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    out = CACHE / f"{name}-{key}"
    if not out.exists():
        with open(CACHE / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not out.exists():
                began = time.monotonic()
                new = CACHE / f"{name}-{key}.new"
                shutil.rmtree(new, ignore_errors=True)
                new.mkdir()
                try:
                    make(new)
                except BaseException:
                    shutil.rmtree(new, ignore_errors=True)
                    raise
                new.rename(out)
                drop_unused(name)
                note(f"made {out.name} in {time.monotonic() - began:.1f} s")
    os.utime(out)
    return out


def drop_unused(name):
    """Deletes what no run has used lately, but not the few that were used last."""
    made = sorted((d for d in CACHE.glob(f"{name}-*") if d.is_dir()),
                  key=lambda d: d.stat().st_mtime, reverse=True)
    for old in made[KEEP:]:
        if old.stat().st_mtime < time.time() - KEEP_HOURS * 3600:
            shutil.rmtree(old, ignore_errors=True)


# Packages ---------------------------------------------------------------------------------------

def kernel_package():
    for line in call("apt-cache", "depends", "linux-image-amd64").splitlines():
        m = re.match(r"\s*Depends: (linux-image-\d\S+)", line)
        if m:
            return m.group(1)
    raise Failure("apt knows no linux-image-amd64: run 'apt-get update'")


def unpack(name, packages):
    """Unpack Debian packages into a cached folder, which is returned."""
    asked = key_of(*packages)
    latest = CACHE / f"{name}.latest"
    try:
        uris = call("apt-get", "download", "--print-uris", *packages)
        key = key_of(*sorted(re.findall(r"^'[^']*' (\S+)", uris, re.M)))
    except (Failure, OSError):
        # No package lists here, but an earlier run may have left all we need.
        if latest.exists() and latest.read_text().split()[0] == asked:
            key = latest.read_text().split()[1]
        else:
            raise

    def make(out):
        debs = out / "debs"
        debs.mkdir()
        note(f"downloading {len(packages)} packages")
        call("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages, cwd=debs)
        for deb in sorted(debs.glob("*.deb")):
            call("dpkg-deb", "-x", deb, out)
        shutil.rmtree(debs)

    out = artefact(name, key, make)
    latest.write_text(f"{asked} {key}\n")
    return out


def libraries(files, roots):
    """Shared libraries that the files need, looked for in the unpacked packages first."""
    env = dict(os.environ, LD_LIBRARY_PATH=":".join(
        str(r / d) for r in roots for d in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")))
    found = {}
    for f in files:
        out = subprocess.run(["ldd", str(f)], env=env, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True).stdout
        for line in out.splitlines():
            if "not found" in line:
                raise Failure(f"{f}: {line.strip()}")
            m = re.search(r"(\S+) => (/\S+)", line) or re.search(r"\s((/lib64/\S+))", line)
            if m:
                found[os.path.basename(m.group(1))] = Path(m.group(2))
    return found


# Initramfs --------------------------------------------------------------------------------------

class Cpio:
    """A writer of the 'newc' archives that the kernel takes as initramfs."""

    def __init__(self):
        self.parts, self.names, self.ino = [], set(), 0

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self.ino += 1
        raw = name.encode() + b"\0"
        fields = (self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % v for v in fields) + raw
        self.parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]

    def folder(self, name):
        parent = os.path.dirname(name)
        if parent and parent not in self.names:
            self.folder(parent)
        if name not in self.names:
            self.names.add(name)
            self._entry(name, stat.S_IFDIR | 0o755)

    def add(self, name, source, mode=None):
        """Adds a file; source is a path or the contents."""
        if name in self.names:
            return
        self.folder(os.path.dirname(name))
        self.names.add(name)
        if isinstance(source, Path):
            mode = mode or (0o755 if os.access(source, os.X_OK) else 0o644)
            source = source.read_bytes()
        self._entry(name, stat.S_IFREG | (mode or 0o644), source)

    def link(self, name, target):
        if name not in self.names:
            self.folder(os.path.dirname(name))
            self.names.add(name)
            self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def tree(self, name, folder):
        for f in sorted(folder.rglob("*")):
            where = f"{name}/{f.relative_to(folder)}"
            if f.is_symlink():
                self.link(where, os.readlink(f))
            elif f.is_file():
                self.add(where, f)

    def bytes(self):
        self._entry("TRAILER!!!", 0)
        return b"".join(self.parts)


def common_files(cpio, root, programs):
    for d in ("proc", "sys", "dev", "tmp", "run", "root", "var/log", "mnt", "etc"):
        cpio.folder(d)
    # Merged /usr, as on Debian.
    for d in ("bin", "sbin", "lib", "lib64"):
        cpio.folder(f"usr/{d}")
        cpio.link(d, f"usr/{d}")
    cpio.link("var/run", "/run")
    cpio.add("usr/bin/busybox", root / "bin/busybox", 0o755)
    real = {os.path.basename(p) for p in programs}
    for applet in call(root / "bin/busybox", "--list").split():
        if applet not in real | {"init", "modprobe", "insmod", "lsmod", "rmmod", "depmod"}:
            cpio.link(f"usr/bin/{applet}", "busybox")
    for p in programs:
        cpio.add("usr/" + p.removeprefix("usr/"), root / p, 0o755)
    for so, path in libraries([root / p for p in programs], [root]).items():
        cpio.add("usr/lib64/" + so if so.startswith("ld-linux") else
                 "usr/lib/x86_64-linux-gnu/" + so, path, 0o755)
    # Loaded by the C library when a thread is cancelled: xl does that to its xenstore watch.
    cpio.add("usr/lib/x86_64-linux-gnu/libgcc_s.so.1",
             next(root.glob("**/libgcc_s.so.1")), 0o755)
    cpio.add("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n")
    cpio.add("etc/group", b"root:x:0:\ntty:x:5:\n")


def kernel_modules(cpio, root, wanted, scratch):
    """Adds the wanted modules and all they depend on, with depmod's tables."""
    version = next((root / "lib/modules").iterdir()).name
    depmod = root / "bin/kmod"
    index = scratch / "modules"
    have = index / "lib/modules" / version
    have.parent.mkdir(parents=True)
    have.symlink_to(root / "lib/modules" / version)
    by_name = {f.stem.replace("-", "_"): f for f in (root / "lib/modules" / version).rglob("*.ko")}
    need, todo = set(), [m.replace("-", "_") for m in wanted]
    env = dict(os.environ, LD_LIBRARY_PATH=f"{root}/lib/x86_64-linux-gnu")
    while todo:
        name = todo.pop()
        if name in need or name not in by_name:
            continue
        need.add(name)
        info = subprocess.run(["modinfo", "-F", "depends", str(by_name[name])],
                              executable=depmod, env=env, stdout=subprocess.PIPE, text=True)
        if info.returncode:
            raise Failure(f"modinfo {name} failed")
        todo += [d.replace("-", "_") for d in info.stdout.strip().split(",") if d]
    have.unlink()
    for name in need:
        to = have / by_name[name].relative_to(root / "lib/modules" / version)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(by_name[name], to)
    for f in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy(root / "lib/modules" / version / f, have)
    subprocess.run(["depmod", "-b", str(index), version], executable=depmod, env=env, check=True)
    cpio.tree(f"usr/lib/modules/{version}", have)
    shutil.rmtree(index)


def vmlinux_of(bzimage):
    """The ELF kernel inside a bzImage, unpacked on this side: in the box that takes far longer."""
    data = bzimage.read_bytes()
    sects = data[0x1f1] or 4
    at = (sects + 1) * 512 + struct.unpack_from("<I", data, 0x248)[0]
    payload = data[at:at + struct.unpack_from("<I", data, 0x24c)[0]]
    if payload[:6] != b"\xfd7zXZ\0":
        raise Failure("the kernel is not packed with xz any more")
    return lzma.LZMADecompressor().decompress(payload)


class Artefacts:
    """Paths of all that a box boots."""

    def __init__(self):
        self.root = unpack("packages", PACKAGES + [kernel_package()])
        this = HERE / "cache.py"
        # Host libraries (libc) end in the initramfs too.
        key = key_of(self.root.name, this, *sorted((HERE / "dom0").iterdir()),
                     Path("/lib/x86_64-linux-gnu/libc.so.6"))
        self.dom0 = artefact("dom0", key, self.make_dom0)
        key = key_of(self.root.name, this, *sorted((HERE / "guest").iterdir()))
        self.guest = artefact("guest", key, self.make_guest)
        self.sums = dict(line.split() for line in (self.guest / "sums").read_text().splitlines())

    def make_dom0(self, out):
        root = self.root
        packed = (root / "boot/xen-4.17-amd64.gz").read_bytes()
        (out / "xen.elf").write_bytes(gzip.decompress(packed))
        (out / "vmlinux").write_bytes(vmlinux_of(next((root / "boot").glob("vmlinuz-*"))))
        c = Cpio()
        common_files(c, root, DOM0_PROGRAMS)
        for name in ("modprobe", "insmod", "lsmod", "rmmod"):
            c.link(f"usr/sbin/{name}", "../bin/kmod")
        for f in sorted((root / "usr/bin").glob("xenstore-*")):
            c.link(f"usr/bin/{f.name}", "xenstore")
        c.link("usr/sbin/xl", "../lib/xen-4.17/bin/xl")
        c.tree("etc/xen", root / "etc/xen")
        c.tree("usr/share/seabios", root / "usr/share/seabios")
        c.tree("usr/share/X11/xkb", root / "usr/share/X11/xkb")
        c.tree("usr/lib/ipxe", root / "usr/lib/ipxe")
        c.add("usr/lib/xen-4.17/boot/hvmloader", root / "usr/lib/xen-4.17/boot/hvmloader", 0o755)
        c.folder("var/log/xen")
        c.folder("var/lib/xen")
        c.add("init", HERE / "dom0/init", 0o755)
        c.add("usr/sbin/attach", HERE / "dom0/attach", 0o755)
        c.add("www/cgi-bin/sh", HERE / "dom0/sh", 0o755)
        kernel_modules(c, root, DOM0_MODULES, out)
        (out / "dom0.cpio").write_bytes(c.bytes())

    def make_guest(self, out):
        root = self.root
        c = Cpio()
        common_files(c, root, [])
        for name in ("modprobe", "insmod", "lsmod", "rmmod", "init"):
            c.link(f"usr/sbin/{name}", "../bin/busybox")
        c.add("init", HERE / "guest/init", 0o755)
        c.add("usr/bin/xb", HERE / "guest/xb", 0o755)
        kernel_modules(c, root, GUEST_MODULES, out)
        # Each byte comes through PIO of an emulated disk: what is small loads fast, even if
        # unpacking it takes longer.
        (out / "guest.xz").write_bytes(lzma.compress(c.bytes(), check=lzma.CHECK_CRC32, preset=9))
        shutil.copy(next((root / "boot").glob("vmlinuz-*")), out / "vmlinuz")
        self.make_cd(out)
        self.make_disk(out)
        self.make_data(out)

    def make_cd(self, out):
        iso = out / "iso"
        (iso / "isolinux").mkdir(parents=True)
        modules = self.root / "usr/lib/syslinux/modules/bios"
        for f in ("menu.c32", "libutil.c32", "ldlinux.c32"):
            shutil.copy(modules / f, iso / "isolinux")
        shutil.copy(self.root / "usr/lib/ISOLINUX/isolinux.bin", iso / "isolinux")
        (iso / "isolinux/isolinux.cfg").write_text(
            BOOT_MENU.format(timeout=50, root="/", args=GUEST_CMDLINE, quiet="loglevel=4"))
        shutil.copy(out / "guest.xz", iso)
        shutil.copy(out / "vmlinuz", iso)
        (iso / "marker.txt").write_text("xenbox cd\n")
        self.add_tools(iso / "tools")
        call("xorriso", "-as", "mkisofs", "-quiet", "-o", out / "boot.iso", "-V", "XENBOX",
             "-J", "-R", "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat", "-no-emul-boot",
             "-boot-load-size", "4", "-boot-info-table", iso)
        shutil.rmtree(iso)

    def add_tools(self, to):
        programs = [self.root / p for p in GUEST_TOOLS]
        (to / "bin").mkdir(parents=True)
        (to / "lib").mkdir()
        for p in programs:
            shutil.copy(p, to / "bin")
        for so, path in libraries(programs, [self.root]).items():
            shutil.copy(path, to / "lib" / so)

    def make_disk(self, out):
        """An MBR disk with one active FAT16 partition and syslinux on it; no loop mounts needed."""
        disk, start, sectors = out / "boot.img", 2048, 48 * 2048
        mbr = bytearray((self.root / "usr/lib/SYSLINUX/mbr.bin").read_bytes().ljust(512, b"\0"))
        # One entry: active, FAT16 with LBA; CHS fields say "beyond CHS".
        struct.pack_into("<I", mbr, 440, 0x78656e62)
        struct.pack_into("<B3sB3sII", mbr, 446, 0x80, b"\xfe\xff\xff", 0x0e, b"\xfe\xff\xff",
                         start, sectors)
        mbr[510:] = b"\x55\xaa"
        with open(disk, "wb") as f:
            f.write(mbr)
            f.truncate((start + sectors) * 512)
        where = f"{disk}@@{start * 512}"
        call("mformat", "-i", where, "-T", sectors, "-h", 255, "-s", 63, "-H", start,
             "-v", "XENBOX", "::")
        cfg = out / "syslinux.cfg"
        cfg.write_text(
            BOOT_MENU.format(timeout=10, root="/", args=GUEST_CMDLINE, quiet="loglevel=4"))
        modules = self.root / "usr/lib/syslinux/modules/bios"
        call("mcopy", "-i", where, cfg, out / "vmlinuz", out / "guest.xz", modules / "menu.c32",
             modules / "libutil.c32", "::")
        call(self.root / "usr/bin/syslinux", "--offset", start * 512, "--install", disk)
        cfg.unlink()

    def make_data(self, out):
        """The file system that dom0 keeps the guests' disks on.

        A real disk with ext4, not the 9p share: O_DIRECT, io_uring, fdatasync and the page cache
        then behave as on a user's machine. The box runs on a throw-away overlay of it.
        """
        files = out / "files"
        files.mkdir()
        # 64 MiB that do not repeat, the same on every machine.
        block, data = b"xenbox", []
        for _ in range(64 * 1024 * 1024 // (64 * 1024)):
            block = hashlib.sha512(block).digest()
            data.append(hashlib.shake_128(block).digest(64 * 1024))
        (files / "data.img").write_bytes(b"".join(data))
        kernel = hashlib.sha256((out / "vmlinuz").read_bytes()).hexdigest()
        (out / "sums").write_text(f"data {hashlib.sha256(b''.join(data)).hexdigest()}\n"
                                  f"vmlinuz {kernel}\n")
        with open(files / "scratch.img", "wb") as f:
            f.truncate(64 * 1024 * 1024)
        for f in ("boot.img", "boot.iso"):
            (out / f).rename(files / f)
        disk = out / "disk.ext4"
        with open(disk, "wb") as f:
            f.truncate(768 * 1024 * 1024)
        call("/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0",
             "-d", files, disk)
        shutil.rmtree(files)


def debian_qemu(out_root):
    """Debian's own device model, with which the box itself is checked."""
    return unpack("qemu", QEMU_PACKAGES)
