# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic: one guest with a card of each model, each on a bridge of its own, and Linux's drivers.

8139too is not among the drivers: it leaves every chip of revision 20h to 8139cp.
"""
import json
import re
import time

from box import Failure, note
from cache import Finding
from guest import Guest

PORT = 8000
MIB = 64
PART = 16                        # MiB, where the way matters and not the amount
GROUPS = range(10, 30)           # the last bytes, read as hex, of the groups that the guest joins
# The kernel makes large frames only of a fast stream; in a box none is.
LARGE_FRAMES = "echo 44 >/proc/sys/net/ipv4/tcp_min_tso_segs"
OFFLOADS = "rx tx sg tso gso gro rxvlan txvlan"


class Nic:
    """A card of the guest, the bridge it hangs on, and the addresses of both ends."""

    def __init__(self, model, n):
        self.model, self.n = model, n
        self.bridge = f"xbnet{n}"
        self.mac = f"00:16:3e:99:01:{n:02x}"
        self.host, self.ip = f"10.99.{n}.1", f"10.99.{n}.2"
        self.net6 = f"fd99:{n}"
        self.vif = f"type=ioemu,bridge={self.bridge},model={model},mac={self.mac}"

    def tap(self, guest):
        return f"vif{guest.domid}.{self.n - 1}-emu"


NICS = E1000, RTL8139 = [Nic("e1000", 1), Nic("rtl8139", 2)]


# Dom0's side -------------------------------------------------------------------------------------

def bridge(box, name, *addresses):
    """A bridge of dom0 without uplink; what it carries is what tests send."""
    # Snooping would keep multicast from guests by itself.
    box.sh(f"ip link add {name} type bridge forward_delay 0 mcast_snooping 0\n"
           f"ip link set {name} up || exit 1\n" +
           "".join(f"ip addr replace {a} dev {name} nodad\n" for a in addresses), check=True)


def qmp(box, domid, *commands):
    """Sends commands, as (name, arguments), to a device model; returns the answers."""
    lines = [json.dumps({"execute": name, "arguments": args})
             for name, args in [("qmp_capabilities", {}), *commands]]
    text = "\n".join(lines)
    got = box.sh(f"(cat <<'EOF'\n{text}\nEOF\nsleep 1) | "
                 f"nc.openbsd -N -U /run/xen/qmp-libxl-{domid}", check=True).text
    answers = [json.loads(line) for line in got.splitlines() if line.startswith("{")][2:]
    if len(answers) != len(commands):
        raise Failure(f"QMP: {got}")
    return answers


def counts(guest, nic):
    """Frames that dom0's end of a card has had from the guest, and given to it."""
    at = f"/sys/class/net/{nic.tap(guest)}/statistics"
    return [int(v) for v in
            guest.box.sh(f"cat {at}/rx_packets {at}/tx_packets", check=True,
                                         again=True).text.split()]


def dm_seconds(guest):
    """CPU time of the device model, by dom0's clock."""
    fields = guest.box.sh(f"cat /proc/{guest.dm_pid}/stat", check=True).text.split()
    return (int(fields[13]) + int(fields[14])) / 100


def answered(text):
    # busybox's ping prints its last lines again when a signal meets it in the middle.
    m = re.search(r"(\d+) packets transmitted, (\d+) packets received", text)
    if not m:
        raise Failure(f"ping said {text[-200:]!r}")
    return int(m.group(1)), int(m.group(2))


def ping_all(guest, host, ip, size=56, n=4, why=""):
    """Pings both ways; all must come back."""
    out = guest.cmd(f"ping -q -c {n} -s {size} {host} >/tmp/ping; cat /tmp/ping", 60).text
    back = guest.box.sh(f"ping -q -c {n} -s {size} {ip}").text
    for text, way in ((out, "guest to dom0"), (back, "dom0 to guest")):
        sent, got = answered(text)
        if sent != got or not sent:
            raise Finding(f"ping{why}, {way}, {size} bytes: {got} of {sent} came back")


# The guest's side --------------------------------------------------------------------------------

def number(answer):
    """The last line of an answer that is a number."""
    found = re.findall(r"^(\d+)$", answer.text, re.M)
    if not found:
        raise Failure(f"the guest said {answer.text[-200:]!r}")
    return int(found[-1])


def received(guest, nic):
    return number(guest.cmd(f"cat /sys/class/net/{nic.model}/statistics/rx_packets"))


def carrier(guest, nic, want, limit=20):
    """Waits for the link to be up (1) or down (0); says how many seconds it took at most."""
    got = guest.cmd(f"n=0; while [ $(cat /sys/class/net/{nic.model}/carrier) != {want} ] && "
                    f"[ $n -lt {limit} ]; do n=$((n + 1)); sleep 1; done; echo $n", 60 + limit)
    took = number(got)
    if took >= limit:
        raise Finding(f"{nic.model}: the link is not {'up' if want else 'down'} "
                      f"after {limit} s of the guest's clock")
    return took


def boot(session):
    box = session.box
    for nic in NICS:
        bridge(box, nic.bridge, f"{nic.host}/24", f"{nic.net6}::1/64")
    box.sh(f"{LARGE_FRAMES}; [ -f /images/part ] || {{ busybox httpd -p {PORT} -h /images && "
           f"head -c {PART << 20} /images/data.img >/images/part; }}", check=True)
    vifs = ", ".join(repr(nic.vif) for nic in NICS)
    guest = session.guest = Guest(box, "net", disks=Guest.CD, boot="d", more=f"vif = [ {vifs} ]")
    guest.boot()
    # Addresses come before the cards are up: each change of the groups is some hundred accesses.
    script = ["xb tools", "xb nics", LARGE_FRAMES,
              "busybox httpd -p 80 -h /tmp", "ip link set lo up"]
    for nic in NICS:
        script += [f"ip addr add {nic.ip}/24 dev {nic.model}",
                   f"for n in 2 $(seq {GROUPS[0]} {GROUPS[-1]}); do "
                   f"ip addr add {nic.net6}::$n/64 dev {nic.model}; done",
                   f"ip link set {nic.model} up"]
    for line in script:
        if not guest.cmd(line, 120):
            raise Failure(f"in the guest: {line}")
    for nic in NICS:
        carrier(guest, nic, 1)
    return guest


def offloads(guest, nic, state, which=OFFLOADS):
    """Switches what a card does for its driver on or off; returns what is on then."""
    each = " ".join(f"{f} {state}" for f in which.split())
    got = guest.cmd(f"ethtool -K {nic.model} {each} >/dev/null; "
                    f"ethtool -k {nic.model} | grep ': on$'; true", 90)
    carrier(guest, nic, 1)   # some changes reset the card
    return re.findall(r"^\t?(\S+): on$", got.text.replace("\r", ""), re.M)


def fetch(guest, nic, name, want, host=None, ip=None, limit=900):
    """A file to the guest and back from it. Returns seconds and frames of both ways."""
    box, figures = guest.box, []
    for way in "to guest", "from guest":
        began, before = time.monotonic(), counts(guest, nic)
        if way == "to guest":
            done = guest.cmd(f"wget -q -O /tmp/{name} http://{host or nic.host}:{PORT}/{name}",
                             limit)
        else:
            done = box.sh(f"wget -q -O /tmp/{name} http://{ip or nic.ip}/{name}", limit)
        took, after = time.monotonic() - began, counts(guest, nic)
        if not done:
            raise Finding(f"{nic.model}: {name} {way}: wget failed: {done.text[-200:]}")
        script = f"sha256sum /tmp/{name}"
        got = guest.cmd(script, 120) if way == "to guest" else box.sh(script, 120)
        got = re.search(r"([0-9a-f]{64})  ", got.text)
        if not got or got.group(1) != want:
            raise Finding(f"{nic.model}: {name} {way}: sha256 differs")
        figures.append((took, [b - a for a, b in zip(before, after)]))
    box.sh(f"rm /tmp/{name}")
    guest.cmd(f"rm /tmp/{name}")
    return figures


def part_sum(box):
    return box.sh("sha256sum /images/part", check=True).text.split()[0]


# Scenarios: each raises Failure or returns what to say -------------------------------------------

def selftest(session):
    """The driver's own tests of registers, EEPROM, interrupt, loopback and link."""
    guest = session.need("net")
    began = time.monotonic()
    text = guest.cmd("ethtool -t e1000 offline", 240).text
    took = time.monotonic() - began
    tests = re.findall(r"^(\w+) test\s+\(.*?\)\s+(\d+)", text, re.M)
    bad = [f"{name} {code}" for name, code in tests if code != "0"]
    if bad or len(tests) != 5 or "result is PASS" not in text:
        raise Finding(f"self test: {', '.join(bad) or text[-300:]}")
    carrier(guest, E1000, 1)
    return f"{', '.join(name.lower() for name, _ in tests)} pass in {took:.0f} s"


def ping(session):
    guest = session.need("net")
    for nic in NICS:
        for size in 56, 1472, 5000:      # the last one in fragments
            ping_all(guest, nic.host, nic.ip, size, why=f" by {nic.model}")
    return "both cards, both ways, 56 to 5000 bytes"


def traffic(session, state):
    """64 MiB each way by each card."""
    guest = session.need("net")
    said = []
    for nic in NICS:
        on = offloads(guest, nic, state)
        wanted = {"rx-checksumming", "tx-checksumming", "scatter-gather",
                  "tcp-segmentation-offload", "rx-vlan-offload"}
        if state == "on" and wanted - set(on) or state == "off" and wanted & set(on):
            raise Finding(f"{nic.model}: with all {state} there is {' '.join(on)}")
        cpu = dm_seconds(guest)
        (took_in, to), (took_out, out) = fetch(guest, nic, "data.img",
                                               session.box.art.sums["data"])
        cpu = dm_seconds(guest) - cpu
        # What the kernel gave the card to cut counts as one frame in dom0.
        most, least = (MIB << 20) // 8192, (MIB << 20) // 1500
        if state == "on" and out[0] > most:
            raise Finding(f"{nic.model}: {out[0]} frames from the guest, so no segmentation offload")
        if state == "off" and out[0] < least:
            raise Finding(f"{nic.model}: {out[0]} frames from the guest, though all is off")
        said.append(f"{nic.model} {MIB / took_in:.2f} MiB/s to the guest, "
                    f"{MIB / took_out:.2f} from it ({to[1]} and {out[0]} frames; "
                    f"device model {cpu:.1f} s)")
    if state == "on":
        good = number(guest.cmd("ethtool -S e1000 | sed -n 's/.*rx_csum_offload_good: //p'"))
        if good < 1000:
            raise Finding(f"e1000: the card has checked {good} frames")
    return "; ".join(said)


def jumbo(session):
    """Frames of 9000 bytes, each as one: no card cuts them and no end has to."""
    guest = session.need("net")
    box, nic = session.box, E1000
    offloads(guest, nic, "off", "tso gso gro")

    def mtu(size):
        box.sh("".join(f"ip link set {i} mtu {size}\n" for i in
                       (nic.bridge, nic.tap(guest), nic.tap(guest).removesuffix("-emu"))))
        guest.cmd(f"ip link set {nic.model} mtu {size}", 60)
        carrier(guest, nic, 1)
    mtu(9000)
    before = counts(guest, nic)
    ping_all(guest, nic.host, nic.ip, 8972, n=8)
    frames = [b - a for a, b in zip(before, counts(guest, nic))]
    if max(frames) > 30:
        raise Finding(f"16 packets of 9000 bytes each way took {frames} frames")
    (took_in, _), (took_out, out) = fetch(guest, nic, "part", part_sum(box))
    if out[0] > (PART << 20) // 8000:
        raise Finding(f"{PART} MiB in {out[0]} frames: they are not large")
    mtu(1500)
    # The driver uses other buffers and another receive function for these; and now not any more.
    ping_all(guest, nic.host, nic.ip, 1472, why=" after large frames")
    offloads(guest, nic, "on")
    return (f"ping both ways; {PART / took_in:.2f} MiB/s to the guest, {PART / took_out:.2f} "
            f"from it in {out[0]} frames")


def vlan(session):
    """Tagged frames, the tags by the card and by the kernel; a VLAN of which the guest is not."""
    guest = session.need("net")
    box, want, said = session.box, part_sum(session.box), []
    for nic in NICS:
        vid = 4 + nic.n
        host, ip = f"10.99.1{nic.n}.1", f"10.99.1{nic.n}.2"
        box.sh(f"ip link add link {nic.bridge} name {nic.bridge}.{vid} type vlan id {vid}\n"
               f"ip addr add {host}/24 dev {nic.bridge}.{vid}\n"
               f"ip link set {nic.bridge}.{vid} up", check=True)
        if not guest.cmd(f"ip link add link {nic.model} name v{vid} type vlan id {vid} && "
                         f"ip addr add {ip}/24 dev v{vid} && ip link set v{vid} up", 60):
            raise Failure("the guest cannot make a VLAN interface")
        for state in "on", "off":
            # Segmentation offload stays on: with tags by the card it works on what has none yet.
            offloads(guest, nic, "on")
            offloads(guest, nic, state, "rxvlan txvlan")
            ping_all(guest, host, ip, why=f" in a VLAN by {nic.model}, tags by card {state}")
            (took_in, _), (took_out, out) = fetch(guest, nic, "part", want, host, ip)
            said.append(f"{nic.model} tags {state} {PART / took_in:.2f} and "
                        f"{PART / took_out:.2f} MiB/s")
        offloads(guest, nic, "on")
    # e1000 has a filter for VLANs, which Linux uses.
    box.sh(f"ip link add link {E1000.bridge} name {E1000.bridge}.99 type vlan id 99\n"
           f"ip addr add 10.99.99.1/24 dev {E1000.bridge}.99\n"
           f"ip link set {E1000.bridge}.99 up", check=True)
    time.sleep(2)
    before = received(guest, E1000), counts(guest, E1000)[1]
    box.sh(f"ping -6 -q -c 20 -i 0.1 -W 1 -I {E1000.bridge}.99 ff02::1")
    after = received(guest, E1000), counts(guest, E1000)[1]
    box.sh(f"ip link del {E1000.bridge}.99")
    if after[1] - before[1] < 15:
        raise Failure(f"only {after[1] - before[1]} frames of VLAN 99 reached the tap")
    if after[0] - before[0] > 5:
        raise Finding(f"e1000: {after[0] - before[0]} frames of a VLAN not chosen came in")
    for nic in NICS:
        box.sh(f"ip link del {nic.bridge}.{4 + nic.n}")
        guest.cmd(f"ip link del v{4 + nic.n}", 60)
    return "; ".join(said)


def hash_e1000(mac):
    """12 bits of the address: Linux sets RCTL.MO to 0."""
    return mac[4] >> 4 | mac[5] << 4


def hash_rtl8139(mac):
    """The upper six bits of the address's CRC."""
    crc = 0xffffffff
    for byte in mac:
        for i in range(8):
            feedback = (crc >> 31 ^ byte >> i) & 1
            crc = (crc << 1 & 0xffffffff) ^ (0x04c11db7 if feedback else 0)
    return crc >> 26


def multicast(session):
    """Groups that the guest joined reach it, others do not, and a group with an equal hash does.

    An IPv6 address joins the group of its last three bytes. There are more groups than e1000 has
    exact filters (14), so the later ones are in the hash table; 8139cp has nothing else.
    """
    guest = session.need("net")
    box, said = session.box, []
    for nic, hashed in (E1000, hash_e1000), (RTL8139, hash_rtl8139):
        flags = guest.cmd(f"cat /sys/class/net/{nic.model}/flags").text
        flags = int(re.findall(r"^0x[0-9a-f]+", flags, re.M)[-1], 16)
        if flags & 0x300:
            raise Failure(f"{nic.model} is promiscuous or takes all multicast: {flags:#x}")
        listed = guest.cmd(f"awk '$2 == \"{nic.model}\" {{ print $5 }}' /proc/net/dev_mcast").text
        joined = [bytes.fromhex(m) for m in re.findall(r"^([0-9a-f]{12})$", listed, re.M)]
        taken = {hashed(m) for m in joined}
        last = bytes.fromhex(f"3333ff0000{GROUPS[-1]}")
        if last not in joined or len(joined) < 20:
            raise Failure(f"{nic.model}: the guest is in {len(joined)} groups only")
        free = [bytes([0x33, 0x33, 0xff, 0x77, i, j]) for i in range(256) for j in range(256)]
        other = next(m for m in free if hashed(m) not in taken)
        equal = next(m for m in free if hashed(m) == hashed(last))

        def send(mac, n):
            """Pings a group; returns how many answers came and how many frames the card let in."""
            before = received(guest, nic)
            got = box.sh(f"ping -6 -q -c {n} -i 0.2 -W 3 -I {nic.bridge} "
                         f"ff02::1:ff{mac[3]:02x}:{mac[4]:02x}{mac[5]:02x}").text
            return answered(got)[1], received(guest, nic) - before
        for n in GROUPS[0], GROUPS[-1]:
            got, _ = send(bytes.fromhex(f"3333ff0000{n}"), 10)
            if got != 10:
                raise Finding(f"{nic.model}: {got} of 10 packets to a joined group were answered")
        _, seen = send(equal, 20)
        if seen < 20:
            raise Finding(f"{nic.model}: {seen} of 20 frames with the hash of a group came in: "
                          "is the hash table in use?")
        _, seen = send(other, 20)
        if seen > 10:
            raise Finding(f"{nic.model}: {seen} of 20 frames for a group not joined came in")
        said.append(f"{nic.model} {len(joined)} groups")
    return ", ".join(said) + "; by the hash table"


def two(session):
    """Two cards of different models at once; what is on one bridge is not on the other."""
    guest = session.need("net")
    box = session.box
    want = part_sum(box)
    began = time.monotonic()
    got = guest.cmd("".join(f"wget -q -O /tmp/part{nic.n} http://{nic.host}:{PORT}/part & "
                            for nic in NICS) + "wait; sha256sum /tmp/part?; rm /tmp/part?", 600)
    took = time.monotonic() - began
    if re.findall(r"([0-9a-f]{64})  ", got.text) != [want] * 2:
        raise Finding(f"two transfers at once: {got.text[-300:]}")
    for nic in NICS:
        seen = box.sh(f"bridge fdb show br {nic.bridge}", check=True).text
        other = NICS[2 - nic.n]
        if nic.mac not in seen or other.mac in seen:
            raise Finding(f"the bridge of {nic.model} has learned {seen}")
        before = counts(guest, other), received(guest, other)
        ping_all(guest, nic.host, nic.ip, n=30)
        box.sh(f"ping -6 -q -c 20 -i 0.1 -W 1 -I {nic.bridge} ff02::1")
        after = counts(guest, other), received(guest, other)
        stray = [b - a for a, b in zip(before[0] + [before[1]], after[0] + [after[1]])]
        if max(stray) > 5:    # a kernel may look for a router now and then
            raise Finding(f"traffic of {nic.model} on {other.model}: {stray}")
    return f"{PART} MiB to each at once in {took:.0f} s, no cross-talk"


def link(session):
    """QMP's set_link pulls the guest's cable and puts it back."""
    guest = session.need("net")
    # libxl names a card nicN and its netdev netN; both will do.
    for nic, name in (E1000, "nic0"), (RTL8139, "net1"):
        for up in False, True:
            answer, = qmp(session.box, guest.domid, ("set_link", {"name": name, "up": up}))
            if answer != {"return": {}}:
                raise Finding(f"set_link {name}: {answer}")
            carrier(guest, nic, int(up))
            if not up and answered(session.box.sh(f"ping -q -c 2 -W 1 {nic.ip}").text)[1]:
                raise Finding(f"{nic.model} answers with its cable pulled")
        ping_all(guest, nic.host, nic.ip, why=f" by {nic.model} with its cable back")
    answer, = qmp(session.box, guest.domid, ("set_link", {"name": "nic9", "up": True}))
    if answer.get("error", {}).get("class") != "DeviceNotFound":
        raise Finding(f"set_link of a card that is not there: {answer}")
    return "both cards lose and find their link"


def destroy(session):
    """xl destroy with frames on their way both ways: no tap is left."""
    guest = session.need("net")
    box = session.box
    guest.cmd("dd if=/dev/zero of=/tmp/zero bs=1M count=16 2>/dev/null")
    guest.send(f"wget -q -O /dev/null http://{E1000.host}:{PORT}/data.img & "
               f"wget -q -O /dev/null http://{RTL8139.host}:{PORT}/data.img &")
    box.sh(f"setsid wget -q -O /dev/null http://{RTL8139.ip}/zero </dev/null >/dev/null 2>&1 & "
           "echo $! >/tmp/wget.pid")
    time.sleep(2)
    before = counts(guest, E1000) + counts(guest, RTL8139)
    time.sleep(1)
    moving = [b - a for a, b in zip(before, counts(guest, E1000) + counts(guest, RTL8139))]
    guest.destroy()
    session.guest = session.kind = None
    box.sh("kill $(cat /tmp/wget.pid)")
    left = guest.leftovers()
    ports = box.sh("".join(f"ls /sys/class/net/{nic.bridge}/brif; " for nic in NICS)).text.strip()
    if left or ports:
        raise Failure(f"after xl destroy there is still: {left} {ports}")
    if not sum(moving):
        raise Failure("no traffic was on its way")
    said = box.text("xen/qemu-dm-net.log").strip()
    if said:
        note(f"the device model said: {said}")
    return f"nothing left ({sum(moving)} frames in the second before)"


def errors(session):
    """Each mistake in vif: xl fails, a line says why, nothing stays."""
    session.drop()
    box = session.box
    bridge(box, E1000.bridge)
    box.sh("printf '#!/bin/sh\\nexit 3\\n' >/tmp/fails; chmod +x /tmp/fails", check=True)

    def with_vif(**more):
        fields = {"type": "ioemu", "bridge": E1000.bridge, "model": "e1000", **more}
        vif = ",".join(f"{k}={v}" for k, v in fields.items())
        return dict(disks=Guest.CD, more=f"vif = [ '{vif}' ]")
    return session.mistakes([
        ("bridge that is not there", with_vif(bridge="nosuch0"), "bridge device nosuch0"),
        ("script that fails", with_vif(script="/tmp/fails"), r"/tmp/fails online .* status 3"),
        ("script that is not there", with_vif(script="/no/such"), "execute /no/such"),
        ("unknown model", with_vif(model="ne2k_pci"), "'ne2k_pci'"),
    ])


SCENARIOS = {
    "net-selftest": selftest, "net-ping": ping,
    "net-tcp": lambda session: traffic(session, "on"),
    "net-tcp-plain": lambda session: traffic(session, "off"),
    "net-jumbo": jumbo, "net-vlan": vlan, "net-multicast": multicast, "net-two": two,
    "net-link": link, "net-destroy": destroy, "net-errors": errors,
}
