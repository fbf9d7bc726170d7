#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the bench programs for two device models in turn and compares: a table and a JSON file.

Every program takes --model and --placement (tests/sim/sim.h) and prints lines "key value unit".
Each pair of runs is one model after the other at once, the first one alternating, so that what else
the machine does hits both; the ratio is taken per pair. Medians of all, spread of the ratios.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
ONE, EACH, FREE = 'one', 'each', None

# Program, its arguments, placements. Those of devices are in the order of the table.
PROGRAMS = [
    ('bench-start', [], (ONE, EACH)),
    ('bench-ioreq', [], (ONE, EACH)),
    ('bench-idle', ['--reads', '64'], (FREE,)),
    ('bench-idle', ['--guests', '10'], (FREE,)),
    ('bench-idle', ['--guests', '50'], (FREE,)),
    ('bench-idle', ['--seconds', '2', '--ram', '2048', '--reads', '2000'], (FREE,)),
    ('bench-idle', ['--seconds', '2', '--disks', '4'], (FREE,)),
    ('bench-idle', ['--seconds', '2', '--nics', '4'], (FREE,)),
    ('bench-save', [], (FREE,)),
    ('bench-ide', ['--seconds', '0.5'], (ONE, EACH)),
    ('bench-nic', [], (ONE, EACH)),
    ('bench-vnc', [], (FREE,)),
]

# What a key is called, and its goal: ('ratio', n): n times better than the other model;
# ('most', n), ('least', n): of our own figure. Keys without a row are in the JSON file only.
ROWS = {
    'start.running': ('exec to running', ('ratio', 8)),
    'start.running_vnc': ('exec to running with -vnc', ('ratio', 8)),
    'start.greeting': ('exec to QMP greeting', None),
    'memory_vnc.private_dirty': ('private dirty memory with -vnc', ('ratio', 4)),
    'memory_vnc.pss': ('PSS with -vnc', ('ratio', 4)),
    'threads_vnc': ('threads with -vnc', ('most', 3)),
    'memory.private_dirty': ('private dirty memory', ('ratio', 4)),
    'memory.pss': ('PSS', ('ratio', 4)),
    'threads': ('threads', ('most', 3)),
    'idle.wakeups': ('idle wakeups', ('most', 0)),
    'idle.cpu': ('idle CPU', None),
    'floor.together': ('ping-pong, unmask and tap write in turn, of their floor', None),
    'floor.median': ('ping-pong of the primitives', None),
    'pio.median': ('port read', None),
    'pio.p99': ('port read, p99', None),
    'pio.floors': ('port read, in ping-pongs', None),
    'mmio.median': ('memory read', None),
    'mmio.p99': ('memory read, p99', None),
    'config.median': ('PCI config read', None),
    'config.p99': ('PCI config read, p99', None),
    'start.floor': ('exec to running, the least', None),
    'memory_after_reads.private_dirty': ('private dirty after the reads', ('ratio', 4)),
    'memory_after_reads.pss': ('PSS after the reads', ('ratio', 4)),
    'save.time': ('state written', None),
    'save.size': ('state, size', None),
    'restore.running': ('exec to running again', None),
    'vga.writes': ('buffered screen writes', ('ratio', 2)),
    'vga.cpu': ('buffered screen writes, CPU a write', None),
    'after.cpu': ('CPU after a burst', None),
    'after.wakeups': ('wakeups after a burst', None),
}
# Full screens to a VNC viewer, by encoding.
for vnc_key, vnc_title in (('raw', 'raw'), ('tight', 'tight'), ('tight-1', 'tight, level 1'), ('zrle', 'ZRLE')):
    ROWS[f'vnc.{vnc_key}'] = (f'VNC full screens, {vnc_title}', ('least', 60))
    ROWS[f'vnc.{vnc_key}.cpu'] = (f'VNC full screens, {vnc_title}, CPU', ('ratio', 2))
ROWS.update({
    'vnc.raw.cpu-floor': ('VNC full screens, raw, CPU to send', None),
    'vnc.change.median': ('VNC 64x64 change', ('most', 10)),
    'vnc.change.p90': ('VNC 64x64 change, p90', None),
    'vnc.change.worst': ('VNC 64x64 change, worst', None),
    'vnc.change.cpu': ('VNC 64x64 change, CPU', None),
    'vnc.pause.median': ('VNC change after 5 s', ('most', 20)),
    'vnc.pause.worst': ('VNC change after 5 s, worst', None),
    'vnc.idle.wakeups': ('VNC viewer, no change, wakeups', ('most', 1)),
    'vnc.idle.late': ('VNC change after 20 s', None),
})
# Rows of bench-ide: the figure, and its goal as a part of the floor in one core's placement.
IDE_ROWS = {
    'ide_dma_read_128k': ('IDE DMA read 128 KiB', 0.85),
    'ide_dma_read_4k_random': ('IDE DMA read 4 KiB random', 0.85),
    'ide_dma_write_128k': ('IDE DMA write 128 KiB', 0.9),
    'ide_dma_write_4k_random': ('IDE DMA write 4 KiB random', None),
    'ide_pio_read': ('IDE PIO read', 0.8),
    'ide_pio_read_multiple_16': ('IDE PIO read multiple 16', 0.5),
    'ide_pio_write': ('IDE PIO write', None),
    'ide_pio_write_multiple_16': ('IDE PIO write multiple 16', None),
    'atapi_dma_read_64k': ('ATAPI DMA read 64 KiB', 0.85),
    'atapi_pio_read_64k': ('ATAPI PIO read 64 KiB', None),
    'ide_write_4k_flush': ('IDE write 4 KiB and flush', None),
}
for ide_key, (ide_title, _) in IDE_ROWS.items():
    ROWS[ide_key] = (ide_title, None)
    ROWS[ide_key + '_ratio'] = (f'{ide_title}, of its floor', None)
    ROWS[ide_key + '_cpu'] = (f'{ide_title}, CPU', None)

# The cards: frames a second or bits, of the floor, CPU a frame. x16: frames a doorbell.
for card in ('e1000', 'rtl8139', 'rtl8139-c'):
    for key, what, floors in (('send-64-x1', 'sends 64 x1', None),
                              ('send-64-x16', 'sends 64 x16', None),
                              ('send-1514-x1', 'sends 1514 x1', 0.85),
                              ('send-1514-x16', 'sends 1514 x16', 0.9),
                              ('receive-64', 'receives 64', None),
                              ('receive-1514', 'receives 1514', 1)):
        goal = ('least', floors) if floors and card != 'rtl8139-c' else None
        title = f'{card} {what}'
        ROWS[f'{card}.{key}'] = (title, None)
        if key.startswith('receive'):
            ROWS[f'{card}.{key}.floors'] = (f'{title}, of tap reads and ping-pongs', None)
            ROWS[f'{card}.{key}.tap-floors'] = (f'{title}, of tap reads alone', goal)
        else:
            ROWS[f'{card}.{key}.floors'] = (f'{title}, of its floor', goal)
        ROWS[f'{card}.{key}.cpu'] = (f'{title}, CPU', ('most', 2) if key == 'send-1514-x16' and goal else None)
        ROWS[f'{card}.{key}.syscalls'] = (f'{title}, system calls', None)
        ROWS[f'{card}.{key}.lost'] = (f'{title}, lost', None)
    ROWS[f'{card}.send-tso.bits'] = (f'{card} sends 64 KiB segments', ('ratio', 4) if card == 'e1000' else None)
    ROWS[f'{card}.receive-gro.bits'] = (f'{card} receives 64 KiB segments', ('ratio', 2))
# A table, and who reads the JSON file, tell rows by their titles.
assert len({title for title, _ in ROWS.values()}) == len(ROWS), 'two rows have one title'
# Goals of one series, by the name it is listed with; before those above.
GOALS = {
    ('pio.floors', 'bench-ioreq one'): ('most', 1.2),
    ('pio.median', 'bench-ioreq each'): ('ratio', 10),
    ('after.cpu', 'bench-ioreq each'): ('most', 0.1),
    ('vga.writes', 'bench-ioreq each'): None,
    ('rtl8139-c.receive-gro.bits', 'bench-nic one'): None,
    ('rtl8139-c.receive-gro.bits', 'bench-nic each'): None,
    ('threads', 'bench-idle --guests 10'): None,
    ('threads', 'bench-idle --guests 50'): None,
    **{(k + '_ratio', 'bench-ide --seconds 0.5 one'): ('least', goal)
       for k, (_, goal) in IDE_ROWS.items() if goal},
}


def better_is_more(unit):
    return unit in ('M/s', 'k/s', 'MiB/s', 'Gbit/s', 'commands/s', 'frames/s', 'updates/s', 'of-floor')


class Series:
    """The runs of one program with one set of arguments in one placement."""

    def __init__(self, program, args, placement):
        self.program, self.args, self.placement = program, args, placement
        self.pairs = []  # [{model: {key: (value, unit)}}]
        self.errors = []

    def name(self):
        return ' '.join([self.program, *self.args, *([self.placement] if self.placement else [])])

    def once(self, build, model):
        cmd = [str(build / 'tests/bench' / self.program), '--model', model, *self.args]
        if self.placement:
            cmd += ['--placement', self.placement]
        env = dict(os.environ, XENDM_MODULE_DIR=str(build / 'ui'))
        try:
            p = subprocess.run(cmd, capture_output=True, text=True, timeout=600, env=env, check=False)
        except subprocess.TimeoutExpired:
            self.errors.append(f'{" ".join(cmd)}: took longer than 10 minutes')
            return None
        if p.returncode == 77:
            self.errors.append(f'{self.name()}: skipped: {p.stderr.strip()}')
            return None
        if p.returncode:
            self.errors.append(f'{" ".join(cmd)}: status {p.returncode}: {p.stderr.strip()[-2000:]}')
            return None
        figures = {}
        for line in p.stdout.splitlines():
            key, value, unit = line.split(None, 2)
            figures[key] = (float(value), unit)
        return figures

    def pair(self, build, models, turn):
        order = models if turn % 2 == 0 else models[::-1]
        got = {m: self.once(build, m) for m in order}
        if all(got.values()):
            self.pairs.append(got)

    def rows(self, models):
        """One a key: medians by model, ratios per pair (above 1: ours is better)."""
        for key, (_, unit) in (self.pairs[0][models[0]] if self.pairs else {}).items():
            values = {m: [p[m][key][0] for p in self.pairs if key in p[m]] for m in models}
            row = {'program': self.name(), 'placement': self.placement, 'key': key, 'unit': unit,
                   'title': ROWS.get(key, (key,))[0], 'shown': key in ROWS,
                   'median': {m: statistics.median(v) for m, v in values.items() if v},
                   'values': values}
            ratios = []
            for p in self.pairs if len(models) == 2 else []:
                if key in p[models[1]]:
                    a, b = p[models[0]][key][0], p[models[1]][key][0]
                    up, low = (a, b) if better_is_more(unit) else (b, a)
                    if low:
                        ratios.append(up / low)
            if ratios:
                row['ratio'] = statistics.median(ratios)
                row['spread'] = [min(ratios), max(ratios)]
            row['goal'], row['reached'] = judge(row, models[0])
            yield row


def judge(row, ours):
    """The goal in words, and whether it is reached (None: there is none, or nothing to compare)."""
    goal = GOALS.get((row['key'], row['program']), ROWS.get(row['key'], (0, None))[1])
    if not goal:
        return '', None
    kind, n = goal
    if kind == 'ratio':
        return f'{n:g}x', row['ratio'] >= n if 'ratio' in row else None
    value = row['median'][ours]
    return (f'<= {n:g}', value <= n) if kind == 'most' else (f'>= {n:g}', value >= n)


def number(value):
    return f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.3g}'


def print_table(rows, models, names):
    head = ['', *names, 'unit', 'ratio', 'spread', 'goal', '']
    table, groups = [head], {}
    for row in rows:
        if row['shown']:
            groups.setdefault(row['program'], []).append(row)
    for program, members in groups.items():
        table.append([f'-- {program}'])
        for r in members:
            ratio = f"{r['ratio']:.2f}" if 'ratio' in r else ''
            spread = f"{r['spread'][0]:.2f} - {r['spread'][1]:.2f}" if 'spread' in r else ''
            mark = {True: 'ok', False: 'MISSED', None: ''}[r['reached']]
            table.append([r['title'], *[number(r['median'][m]) if m in r['median'] else '' for m in models],
                          r['unit'], ratio, spread, r['goal'], mark])
    width = [max(len(t[i]) for t in table if len(t) > i and len(t) > 1) for i in range(len(head))]
    for t in table:
        if len(t) == 1:
            print(t[0])
            continue
        cells = [t[i].ljust(width[i]) if i in (0, len(models) + 1, len(head) - 1) else t[i].rjust(width[i])
                 for i in range(len(head))]
        print('  '.join(cells).rstrip())


def write_markdown(path, rows, models, names):
    """The table of docs/PERFORMANCE.md."""
    program, out = None, []
    for r in rows:
        if not r['shown']:
            continue
        if r['program'] != program:
            program = r['program']
            out += ['', f'### `{program}`', '', f"| row | {' | '.join(names)} | unit | ratio (spread) | goal |",
                    '|---' * (len(names) + 4) + '|']
        ratio = f"{r['ratio']:.2f} ({r['spread'][0]:.2f}-{r['spread'][1]:.2f})" if 'ratio' in r else ''
        goal = r['goal'] + {True: ' ok', False: ' **missed**', None: ''}[r['reached']]
        figures = [number(r['median'][m]) if m in r['median'] else '' for m in models]
        out.append('| ' + ' | '.join([r['title'].strip(), *figures, r['unit'], ratio, goal]) + ' |')
    path.write_text('\n'.join(out[1:]) + '\n')


def said(*cmd):
    try:
        return subprocess.run(cmd, capture_output=True, text=True, timeout=20, check=False,
                              cwd=TOP).stdout.strip()
    except OSError:
        return ''


def machine():
    cpu = [line.split(':', 1)[1].strip() for line in Path('/proc/cpuinfo').read_text().splitlines()
           if line.startswith('model name')]
    return {'cpu': cpu[0] if cpu else platform.machine(), 'cores': os.cpu_count(),
            'kernel': platform.release(), 'load': os.getloadavg()}


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument('--build', type=Path, default=TOP / 'build-bench', help='folder of a release build')
    ap.add_argument('--model', help="ours (the build's xendm)")
    ap.add_argument('--vs', default='/usr/libexec/xen-qemu-system-i386', help='the other model, or none')
    ap.add_argument('--runs', type=int, default=5, help='pairs of runs (5)')
    ap.add_argument('--only', help='programs with one of these words, commas between')
    ap.add_argument('--json', type=Path, help='where the figures go (bench.json in the build folder)')
    ap.add_argument('--markdown', type=Path, help='where the table goes for docs/PERFORMANCE.md')
    ap.add_argument('--list', action='store_true', help='what there is to run')
    opt = ap.parse_args()

    series = [Series(p, a, where) for p, a, places in PROGRAMS for where in places]
    if opt.only:
        words = opt.only.split(',')
        series = [s for s in series if any(w in s.name() for w in words)]
    if opt.list:
        print('\n'.join(s.name() for s in series))
        return 0
    opt.build = opt.build.resolve()
    ours = opt.model or str(opt.build / 'xendm')
    models = [ours] + ([opt.vs] if opt.vs != 'none' else [])
    for m in models:
        if not os.access(m, os.X_OK):
            sys.exit(f'bench: {m} cannot be run')
    if len(os.sched_getaffinity(0)) < 2:
        print('bench: one core here: nothing to show with a core each')
        series = [s for s in series if s.placement != EACH]
    names = ['xendm', 'other'][:len(models)] if 'qemu' not in models[-1] else ['xendm', 'QEMU'][:len(models)]
    about = {'date': datetime.datetime.now().astimezone().isoformat(timespec='seconds'),
             'machine': machine(), 'command': sys.argv, 'models': models, 'runs': opt.runs,
             'versions': [said(m, '--version').split('\n')[0] for m in models],
             'commit': said('git', 'describe', '--always', '--dirty')}
    for turn in range(opt.runs):
        for s in series:
            print(f'\r{turn + 1}/{opt.runs} {s.name():40}', end='', file=sys.stderr, flush=True)
            s.pair(opt.build, models, turn)
    print('\r' + ' ' * 60 + '\r', end='', file=sys.stderr)
    about['machine']['load_end'] = os.getloadavg()
    rows = [r for s in series for r in s.rows(models)]
    errors = sorted({e for s in series for e in s.errors})
    print(f"{about['date']}  {about['machine']['cpu']}, {about['machine']['cores']} cores, "
          f"Linux {about['machine']['kernel']}, {opt.runs} pairs of runs")
    print_table(rows, models, names)
    for e in errors:
        print(e)
    out = opt.json or opt.build / 'bench.json'
    out.write_text(json.dumps({'about': about, 'rows': rows, 'errors': errors}, indent=1) + '\n')
    print(f'figures: {out}')
    if opt.markdown:
        write_markdown(opt.markdown, rows, models, names)
    return 1 if any('skipped' not in e for e in errors) else 0


sys.exit(main())
