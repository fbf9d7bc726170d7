#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The program as its user meets it: exit status, one clear line, nothing left behind.

usage: test-process.py XENDM SIM-RUN MODULE-FOLDER-OR-''
XENDM is the program, SIM-RUN runs it on a stand-in for Xen (tests/sim). Prints TAP.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

XENDM, SIM_RUN, MODULES = sys.argv[1:4]
TMP = tempfile.mkdtemp(prefix='xendm-process.')
STATE = os.path.join(TMP, 'state')
QMP = os.path.join(TMP, 'qmp')
DISK = os.path.join(TMP, 'disk.img')
ENV = dict(os.environ, XENDM_MODULE_DIR=MODULES, TMPDIR=TMP)  # sim-run's, if it is killed
SIM = [SIM_RUN, '--state', STATE, '--pages', os.path.join(TMP, 'pages'), XENDM]
MONITOR = ['-chardev', f'socket,id=libxl-cmd,path={QMP},server=on,wait=off',
           '-mon', 'chardev=libxl-cmd,mode=control']
# As libxl writes it for a guest with a disk, a CD drive, a serial port and stdvga.
LIBXL = ['-xen-domid', '7', '-no-shutdown', *MONITOR, '-nodefaults', '-no-user-config',
         '-name', 'guest', '-vnc', 'none', '-display', 'none', '-serial', 'pty',
         '-device', 'VGA,vgamem_mb=16', '-boot', 'order=dc', '-net', 'none',
         '-machine', 'xenfv,suppress-vmdesc=on', '-m', '240',
         '-drive', f'file={DISK},if=ide,index=0,media=disk,format=raw,cache=writeback',
         '-drive', 'if=none,readonly=on,id=ide-5632',
         '-device', 'ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0']


class Failed(Exception):
    pass


def expect(ok, why):
    if not ok:
        raise Failed(why)


def replaced(args, old, new):
    return [new if a == old else a for a in args]


def with_vnc(spec):
    at = LIBXL.index('-vnc')
    return [*LIBXL[:at + 1], spec, *LIBXL[at + 2:]]


def run(args, program=SIM, before=(), pass_fds=()):
    return subprocess.run([*before, *program, *args], env=ENV, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20, pass_fds=pass_fds)


def fails(args, line, program=SIM, before=(), pass_fds=()):
    """One line on stderr with these words, status 1, no socket left."""
    p = run(args, program, before, pass_fds)
    expect(p.returncode == 1, f'exit status {p.returncode}, stderr: {p.stderr!r}')
    expect(p.stderr.count('\n') == 1 and p.stderr.startswith('xendm: '), f'stderr: {p.stderr!r}')
    for words in line if isinstance(line, tuple) else (line,):
        expect(words in p.stderr, f'{words!r} not in {p.stderr!r}')
    expect(not os.path.exists(QMP), 'the QMP socket was left behind')


class Running:
    """A started xendm; ends it at exit of the with block."""

    def __init__(self, args, before=(), pass_fds=()):
        self.args, self.before, self.pass_fds = args, before, pass_fds

    def __enter__(self):
        if os.path.exists(STATE):
            os.unlink(STATE)
        self.p = subprocess.Popen([*self.before, *SIM, *self.args], env=ENV, stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, pass_fds=self.pass_fds)
        return self

    def wait_running(self):
        for _ in range(1000):
            if os.path.exists(STATE):
                with open(STATE, encoding='ascii') as f:
                    if f.read() == 'running':
                        return
            if self.p.poll() is not None:
                raise Failed('ended: ' + self.p.stderr.read())
            time.sleep(0.01)
        raise Failed('never wrote running')

    def ends(self):
        status = self.p.wait(10)
        text = self.p.stderr.read()
        expect(status == 0, f'exit status {status}, stderr: {text!r}')
        expect(text == '', f'stderr: {text!r}')
        expect(not os.path.exists(QMP), 'the QMP socket was left behind')

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        self.p.stderr.close()
        if os.path.exists(QMP):
            os.unlink(QMP)


class Network:
    """A network namespace; why: it cannot be had, or no tap in it."""

    def __enter__(self):
        self.holder, self.why = None, 'no unshare, nsenter or ip'
        if all(shutil.which(n) for n in ('unshare', 'nsenter', 'ip')):
            self.holder = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; exec sleep 600'],
                                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.holder.stdout.read(1)
            self.before = ['nsenter', '-n', '-t', str(self.holder.pid)]
            self.why = None if self.ip('tuntap', 'add', 'dev', 'test', 'mode', 'tap') else \
                'no network namespace or no /dev/net/tun'
        return self

    def ip(self, *args):
        return subprocess.run([*self.before, 'ip', *args], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0

    def __exit__(self, *exc):
        if self.holder:
            self.holder.kill()
            self.holder.wait()
            self.holder.stdout.close()


class Monitor:
    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(10)
        self.buf = b''
        for _ in range(1500):  # there may be no socket yet, or one that does not listen yet
            try:
                self.s.connect(QMP)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)
        raise Failed('nobody listens on the QMP socket')

    def message(self):
        while b'\r\n' not in self.buf:
            data = self.s.recv(65536)
            expect(data, 'the monitor hung up')
            self.buf += data
        line, self.buf = self.buf.split(b'\r\n', 1)
        return json.loads(line)

    def ask(self, text):
        self.s.sendall(text if isinstance(text, bytes) else json.dumps(text).encode())
        return self.message()


def test_no_domid():
    fails(['-nodefaults'], '-xen-domid', [XENDM])


def test_no_xen():
    if os.path.exists('/proc/xen/capabilities') or os.path.exists('/dev/xen/privcmd'):
        return 'this machine has Xen'
    fails(replaced(LIBXL, 'pty', 'null'), 'Xen', [XENDM])
    return None


def test_version_and_help():
    for arg in ('-version', '-help'):
        p = run([arg], [XENDM])
        expect(p.returncode == 0 and p.stdout.startswith('xendm '), p.stdout + p.stderr)
        expect(p.stderr == '', p.stderr)


def test_unknown_option():
    fails([*LIBXL, '-frobnicate'], '-frobnicate')


def test_unknown_device():
    fails([*LIBXL, '-device', 'warp-core'], 'warp-core')


def test_device_not_there_yet():
    fails(replaced(LIBXL, 'VGA,vgamem_mb=16', 'cirrus-vga,vgamem_mb=8'), ('cirrus', 'stdvga'))


def test_domid_that_does_not_exist():
    fails(replaced(LIBXL, '7', '404'), '404')


def test_xenstore_that_takes_nothing():
    fails(LIBXL, 'xenstore: cannot write', [SIM_RUN, '--refuse', XENDM])


def test_missing_image():
    os.rename(DISK, DISK + '.away')
    try:
        fails(LIBXL, (DISK, 'No such file'))
    finally:
        os.rename(DISK + '.away', DISK)


def test_unreadable_image():
    fails(replaced(LIBXL, LIBXL[LIBXL.index('-drive') + 1],
                   f'file={TMP},if=ide,index=0,media=disk,format=raw,cache=writeback'), TMP)


def test_image_format_is_never_guessed():
    fails(replaced(LIBXL, LIBXL[LIBXL.index('-drive') + 1],
                   f'file={DISK},if=ide,index=0,media=disk,format=qcow2,cache=writeback'), 'qcow2')


def test_qmp_socket_without_folder():
    fails(replaced(LIBXL, MONITOR[1], MONITOR[1].replace(QMP, TMP + '/none/qmp')),
          TMP + '/none/qmp')


def test_vnc_port_taken():
    if not MODULES:
        return 'built without VNC'
    busy = []
    try:
        for port in (5950, 5951):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(('127.0.0.1', port))
            s.listen()
            busy.append(s)
        fails(with_vnc('127.0.0.1:50,to=51'), ('5950', '5951', '127.0.0.1'))
    finally:
        for s in busy:
            s.close()
    return None


def test_start_and_signals():
    for sig in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        with Running(LIBXL) as x:
            x.wait_running()
            expect(os.path.exists(QMP), 'no QMP socket when it said running')
            x.p.send_signal(sig)
            x.ends()


def test_libxl_start_exchange():
    with Running(LIBXL) as x:
        x.wait_running()
        m = Monitor()
        version = m.message()['QMP']['version']['qemu']
        expect((version['major'], version['minor']) >= (2, 11), version)
        expect(m.ask({'execute': 'qmp_capabilities', 'id': 2020110592}) ==
               {'return': {}, 'id': 2020110592}, 'capabilities')
        chardevs = m.ask({'execute': 'query-chardev', 'id': 1})['return']
        serial = [c['filename'] for c in chardevs if c['label'] == 'serial0']
        expect(len(serial) == 1 and serial[0].startswith('pty:/dev/pts/'), chardevs)
        vnc = m.ask({'execute': 'query-vnc', 'id': 2})
        expect(vnc['return']['enabled'] is False, vnc)
        expect(m.ask({'execute': 'cont', 'id': 3}) == {'return': {}, 'id': 3}, 'cont')
        status = m.ask({'execute': 'query-status', 'id': 4})['return']
        expect(status['status'] == 'running' and status['running'] is True, status)
        m.ask({'execute': 'stop', 'id': 5})
        expect(m.ask({'execute': 'query-status', 'id': 6})['return']['status'] == 'paused', 'stop')
        bad = m.ask({'execute': 'make-coffee', 'id': 7})
        expect(bad['error']['class'] == 'CommandNotFound' and bad['id'] == 7, bad)
        x.p.send_signal(signal.SIGHUP)
        x.ends()


def test_malformed_qmp_and_quit():
    with Running(LIBXL) as x:
        x.wait_running()
        m = Monitor()
        m.message()
        bad = m.ask(b'{"execute": }\n')
        expect(bad['error']['class'] == 'GenericError' and bad['error']['desc'], bad)
        m.s.close()
        m = Monitor()
        m.message()
        m.ask({'execute': 'qmp_capabilities'})
        expect(m.ask({'execute': 'quit', 'id': 9}) == {'return': {}, 'id': 9}, 'quit')
        x.ends()


def test_started_stopped():
    with Running([*LIBXL, '-S']) as x:
        m = Monitor()
        m.message()
        m.ask({'execute': 'qmp_capabilities'})
        expect(m.ask({'execute': 'query-status'})['return']['status'] == 'prelaunch', 'prelaunch')
        expect(not os.path.exists(STATE), 'it said running')
        m.ask({'execute': 'cont'})
        x.wait_running()


def test_vnc_search_and_password():
    if not MODULES:
        return 'built without VNC'
    busy = socket.socket()
    busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    busy.bind(('127.0.0.1', 5960))
    busy.listen()
    with busy, Running(with_vnc('127.0.0.1:60,password=on,to=99')) as x:
        x.wait_running()
        m = Monitor()
        m.message()
        m.ask({'execute': 'qmp_capabilities'})
        vnc = m.ask({'execute': 'query-vnc'})['return']
        expect(vnc['enabled'] and vnc['host'] == '127.0.0.1' and int(vnc['service']) > 5960, vnc)
        expect('return' in m.ask({'execute': 'change-vnc-password',
                                  'arguments': {'password': 'x'}}), 'password')
        with socket.create_connection(('127.0.0.1', int(vnc['service'])), 10) as s:
            expect(s.recv(12).startswith(b'RFB 003.'), 'no VNC server there')
        x.p.send_signal(signal.SIGTERM)
        x.ends()
    return None


def send_fd(m, fd, command):
    socket.send_fds(m.s, [json.dumps(command).encode()], [fd])
    return m.message()


def save(m, path):
    """As libxl does: into a file of an earlier save that it does not truncate."""
    with open(path, 'wb') as f:
        f.write(b'?' * 200000)
    fd = os.open(path, os.O_WRONLY)
    m.ask({'execute': 'stop'})
    fdset = send_fd(m, fd, {'execute': 'add-fd'})['return']['fdset-id']
    os.close(fd)
    answer = m.ask({'execute': 'xen-save-devices-state',
                    'arguments': {'live': True, 'filename': f'/dev/fdset/{fdset}'}})
    expect(answer == {'return': {}}, answer)


def monitor():
    m = Monitor()
    m.message()
    m.ask({'execute': 'qmp_capabilities'})
    return m


def test_save_and_restore():
    first, second = os.path.join(TMP, 'saved'), os.path.join(TMP, 'saved2')
    with Running(LIBXL) as x:
        x.wait_running()
        m = monitor()
        dirty = {'execute': 'xen-set-global-dirty-log', 'arguments': {'enable': True}}
        expect(m.ask(dirty) == {'return': {}}, 'dirty log')
        save(m, first)
        expect(m.ask({'execute': 'query-status'})['return']['status'] == 'paused', 'paused')
        x.p.send_signal(signal.SIGHUP)
        x.ends()
    with open(first, 'rb') as f, Running([*LIBXL, '-incoming', f'fd:{f.fileno()}', '-S'],
                                         pass_fds=[f.fileno()]) as x:
        m = monitor()
        expect(m.ask({'execute': 'query-status'})['return']['status'] == 'paused', 'not paused')
        expect(not os.path.exists(STATE), 'it said running')
        save(m, second)
        m.ask({'execute': 'cont'})
        x.wait_running()
        x.p.send_signal(signal.SIGHUP)
        x.ends()
    with open(first, 'rb') as f, open(second, 'rb') as g:
        expect(f.read() == g.read(), 'the second save differs from the first')
    with open(first, 'rb') as f, Running([*LIBXL, '-incoming', f'fd:{f.fileno()}'],
                                         pass_fds=[f.fileno()]) as x:
        x.wait_running()
        m = monitor()
        expect(m.ask({'execute': 'query-status'})['return']['status'] == 'running', 'not running')
        x.p.send_signal(signal.SIGTERM)
        x.ends()


def test_bad_saved_state():
    path = os.path.join(TMP, 'saved')
    with Running(LIBXL) as x:
        x.wait_running()
        save(monitor(), path)
        x.p.send_signal(signal.SIGHUP)
        x.ends()
    with open(path, 'rb') as f:
        good = f.read()
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 1
    for data, line in ((b'QEVM\0\0\0\3', 'made by QEMU'), (b'', 'not a stream of xendm'),
                       (b'xendm-1\n', 'cut off'), (good[:-100], 'checksum'), (bad, 'checksum'),
                       (bytes(300000), 'more than 262144 bytes')):
        with open(path, 'wb') as f:
            f.write(data)
        with open(path, 'rb') as f:
            fails([*LIBXL, '-incoming', f'fd:{f.fileno()}'], ('saved state', line),
                  pass_fds=[f.fileno()])
    with open(path, 'wb') as f:
        f.write(good)
    with open(path, 'rb') as f:
        fails([*LIBXL, '-device', 'isa-serial,id=more', '-incoming', f'fd:{f.fileno()}'],
              "lacks device 'more'", pass_fds=[f.fileno()])
    with open(path, 'rb') as f:
        fails([*replaced(LIBXL, 'VGA,vgamem_mb=16', 'VGA,vgamem_mb=8'), '-incoming',
               f'fd:{f.fileno()}'], ('16384 KiB of video memory', '8192'), pass_fds=[f.fileno()])
    with open(path, 'wb') as f:
        fails([*LIBXL, '-incoming', f'fd:{f.fileno()}'], 'not a file open for reading',
              pass_fds=[f.fileno()])
    fails([*LIBXL, '-incoming', 'fd:777'], 'fd:777')
    fails([*LIBXL, '-incoming', 'tcp:0:4444'], 'fd:N')


TAP = 'type=tap,id=net0,ifname=vif7.0-emu,br=xenbr0'


def test_tap_errors():
    script = os.path.join(TMP, 'ifup')
    with open(script, 'w', encoding='ascii') as f:
        f.write('#!/bin/sh\nexit 3\n')
    os.chmod(script, 0o755)
    with Network() as n:
        if n.why:
            return n.why
        n.ip('link', 'add', 'xenbr1', 'type', 'bridge')
        for netdev, words in (
                (TAP, "bridge 'xenbr0' does not exist"),
                (TAP.replace('xenbr0', 'lo'), "'lo' is not a bridge"),
                (TAP.replace('vif7.0-emu', 'lo') + ',script=no', "'lo' is not a tap"),
                (f'{TAP.replace("xenbr0", "xenbr1")},script={script}',
                 ("'vif7.0-emu'", f"script '{script}' failed with status 3")),
                (f'{TAP.replace("xenbr0", "xenbr1")},script={script}.no',
                 ("'vif7.0-emu'", f"script '{script}.no'", 'No such file')),
                (TAP.replace('tap', 'user'), "kind 'user'")):
            fails([*LIBXL, '-netdev', netdev], words, before=n.before)
            expect(not n.ip('link', 'show', 'vif7.0-emu'), 'the tap was left behind')
        for mac in ('01:16:3e:00:00:01', 'ff:ff:ff:ff:ff:ff', '00:16:3e:00:00', '00:16:3e:00:00:0x'):
            fails([*LIBXL, '-device', f'rtl8139,id=nic0,netdev=net0,mac={mac}',
                   '-netdev', f'{TAP},script=no'], ("'nic0'", mac, 'mac'), before=n.before)
        fails([*LIBXL, '-device', 'ne3k,id=nic0,netdev=net0', '-netdev', f'{TAP},script=no'],
              "no device model 'ne3k'", before=n.before)
        fails([*LIBXL, '-device', 'rtl8139,id=nic0,netdev=net1', '-netdev', f'{TAP},script=no'],
              "no netdev 'net1'", before=n.before)
        with Running([*LIBXL, '-netdev', f'{TAP},script=no'], n.before) as x:
            x.wait_running()
            p = run([*LIBXL[:2], '-m', '64', '-netdev', f'{TAP},script=no'], before=n.before)
            expect(p.returncode == 1 and "'vif7.0-emu' is in use" in p.stderr, p.stderr)
    return None


def test_tap_is_there_and_gone():
    """Its interface exists when it says running, and ends with it; a capture on request."""
    pcap = os.path.join(TMP, 'pcap')
    with Network() as n:
        if n.why:
            return n.why
        fails([*LIBXL, '-object', f'filter-dump,id=d,netdev=net1,file={pcap}'], "no netdev 'net1'")
        with Running([*LIBXL, '-netdev', f'{TAP},script=no,downscript=no',
                      '-object', f'filter-dump,id=d,netdev=net0,file={pcap}'], n.before) as x:
            x.wait_running()
            expect(n.ip('link', 'show', 'vif7.0-emu'), 'no tap')
            m = Monitor()
            m.message()
            m.ask({'execute': 'qmp_capabilities'})
            link = {'name': 'net0', 'up': False}
            expect(m.ask({'execute': 'set_link', 'arguments': link}) == {'return': {}}, 'set_link')
            x.p.send_signal(signal.SIGHUP)
            x.ends()
        expect(not n.ip('link', 'show', 'vif7.0-emu'), 'the tap was left behind')
    with open(pcap, 'rb') as f:
        expect(len(f.read()) == 24, 'no pcap file')
    return None


def main():
    with open(DISK, 'wb') as f:
        f.truncate(1 << 20)
    tests = [(n[5:], f) for n, f in globals().items() if n.startswith('test_')]
    bad = 0
    print(f'1..{len(tests)}')
    for number, (name, test) in enumerate(tests, 1):
        try:
            skip = test()
            print(f'ok {number} - {name}' + (f' # SKIP {skip}' if skip else ''))
        except (Failed, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as e:
            bad += 1
            print(f'not ok {number} - {name}\n# {type(e).__name__}: {e}')
        sys.stdout.flush()
    shutil.rmtree(TMP)
    return 1 if bad else 0


sys.exit(main())
