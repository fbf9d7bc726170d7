# SPDX-License-Identifier: GPL-2.0-or-later
"""Network boot: iPXE out of each card's option ROM loads Linux from a web server in dom0."""
import re
import shutil

from box import Failure
from cache import GUEST_CMDLINE, Finding
from guest import Guest

# A bridge of its own: on xenbr0 QEMU's user network would answer DHCP too.
BRIDGE, HOST, PORT = "xenbr9", "10.99.9.1", 8080
DHCP = """\
interface {bridge}
start 10.99.9.{first}
end 10.99.9.{first}
option subnet 255.255.255.0
option lease 600
siaddr {host}
boot_file http://{host}:{port}/boot.ipxe
lease_file /tmp/netboot/leases
pidfile /tmp/netboot/udhcpd.pid
"""
# What it runs on goes to the server's log as the name of a page that does not exist.
SCRIPT = """\
#!ipxe
imgfetch http://{host}:{port}/began/${{net0/mac:hexraw}}/${{net0/ip}}/${{net0/chip}} ||
kernel http://{host}:{port}/vmlinuz initrd=guest.xz {args} loglevel=4 xenbox.netboot
initrd http://{host}:{port}/guest.xz
imgfetch http://{host}:{port}/loaded ||
boot
"""


class Server:
    """DHCP and HTTP on a bridge of dom0."""

    def __init__(self, box, first):
        self.box = box
        self.stop()
        put = box.share / "netboot"
        put.mkdir(exist_ok=True)
        for f in ("vmlinuz", "guest.xz"):
            shutil.copy(box.art.guest / f, put / f)
        (put / "boot.ipxe").write_text(SCRIPT.format(host=HOST, port=PORT, args=GUEST_CMDLINE))
        (put / "udhcpd.conf").write_text(
            DHCP.format(bridge=BRIDGE, host=HOST, port=PORT, first=first))
        box.sh("set -e; mkdir -p /tmp/netboot/www; cd /tmp/netboot\n"
               "cp /share/netboot/* www; mv www/udhcpd.conf .\n"
               f"ip link add {BRIDGE} type bridge forward_delay 0\n"
               f"ip addr add {HOST}/24 dev {BRIDGE}; ip link set {BRIDGE} up\n"
               "setsid busybox udhcpd -f udhcpd.conf </dev/null >/share/log/udhcpd.log 2>&1 &\n"
               f"setsid busybox httpd -f -vv -p {HOST}:{PORT} -h www </dev/null "
               ">/share/log/httpd.log 2>&1 & echo $! >httpd.pid", check=True)

    def asked(self, page):
        """Whether a page was asked for: the groups of that pattern."""
        # Looked for from this side of the share: while a guest is in its BIOS, programs in dom0 are
        # best left alone (docs/XENBOX.md).
        return re.search(r"url:" + page + r"$", self.box.text("httpd.log"), re.M)

    def stop(self):
        """Also what a test that failed has left."""
        self.box.sh("cd /tmp/netboot && kill $(cat udhcpd.pid httpd.pid) && cd / && "
                    f"ip link del {BRIDGE} && rm -r /tmp/netboot")


def boot(session, model, chip, number):
    box = session.box
    mac, ip = f"00:16:3e:99:00:{number:02x}", f"10.99.9.{number}"
    session.drop()
    server = Server(box, number)
    guest = session.guest = Guest(
        box, f"net-{model}", disks=[], boot="n",
        more=f"vif = [ 'type=ioemu, bridge={BRIDGE}, model={model}, mac={mac}' ]")
    done = guest.create()
    if not done:
        raise Failure(f"xl create failed: {done.text.strip()[-300:]}")
    began = box.wait_for(lambda: server.asked("/began/(.*)/(.*)/(.*)"), 200,
                         "iPXE to run its script")
    guest.stamp("script")
    box.wait_for(lambda: server.asked("/loaded"), 300, "iPXE to load the kernel")
    guest.stamp("kernel loaded")
    guest.wait_ready()
    if began.groups() != (mac.replace(":", ""), ip, chip):
        raise Finding(f"iPXE saw {began.groups()}")
    if f"sending ACK to {ip}" not in box.text("udhcpd.log"):
        raise Finding(f"no lease of {ip}: {box.text('udhcpd.log')}")
    got = guest.cmd("cat /proc/cmdline /sys/class/net/eth0/address; ls /sys/block").text
    if "xenbox.netboot" not in got or mac not in got or "sda" in got:
        raise Finding(f"the guest has not booted from the network: {got}")
    session.drop()
    server.stop()
    return f"lease {ip}, {chip}; {guest.times()}"


SCENARIOS = {
    "netboot-e1000": lambda session: boot(session, "e1000", "82540em", 21),
    "netboot-rtl8139": lambda session: boot(session, "rtl8139", "rtl8139", 22),
}
