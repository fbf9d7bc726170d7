/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line, in the words and the order of libxl 4.17
 * (build_device_model_args_new). A line here is one string, its arguments
 * parted by single blanks.
 */
#include "control/cmdline.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static char line_text[4096];
static char *line_argv[128];

static int parse(struct cmdline *cmd, const char *line, struct dm_error *err)
{
    int argc = 1;

    assert_true(strlen(line) < sizeof(line_text));
    strcpy(line_text, line);
    line_argv[0] = (char *)"xendm";
    for (char *save, *p = strtok_r(line_text, " ", &save); p; p = strtok_r(NULL, " ", &save))
        line_argv[argc++] = strcmp(p, "''") ? p : p + 2;
    line_argv[argc] = NULL;
    return cmdline_parse(cmd, argc, line_argv, err);
}

static void good(struct cmdline *cmd, const char *line)
{
    struct dm_error err = { "" };

    if (parse(cmd, line, &err))
        fail_msg("%s: %s", line, err.text);
    memset(line_text, '#', sizeof(line_text)); /* nothing points there */
}

static void bad(const char *line, const char *want)
{
    struct dm_error err = { "" };
    struct cmdline cmd;

    assert_int_equal(parse(&cmd, line, &err), -EINVAL);
    assert_string_equal(err.text, want);
    cmdline_finish(&cmd);
}

/* good and bad with a domain and its memory before. */
#define GUEST "-xen-domid 3 -m 256 "

#define XL_BEGIN                                                                      \
    "-xen-domid 7 -no-shutdown "                                                      \
    "-chardev socket,id=libxl-cmd,path=/var/run/xen/qmp-libxl-7,server=on,wait=off "  \
    "-mon chardev=libxl-cmd,mode=control "                                            \
    "-chardev "                                                                       \
    "socket,id=libxenstat-cmd,path=/var/run/xen/qmp-libxenstat-7,server=on,wait=off " \
    "-mon chardev=libxenstat-cmd,mode=control -nodefaults -no-user-config -name guest "

static void test_xl_full(void **state)
{
    struct cmdline cmd;
    const struct cmdline_device *dev;

    good(&cmd,
         XL_BEGIN "-vnc 127.0.0.1:0,password=on,to=99 -display none -k de -serial pty "
                  "-device VGA,vgamem_mb=16 -boot order=dc -no-acpi -smp 2,maxcpus=4 -net none "
                  "-machine xenfv,suppress-vmdesc=on,max-ram-below-4g=3221225472 -m 240 "
                  "-drive file=/srv/a,b.img,if=ide,index=0,media=disk,format=raw,cache=writeback "
                  "-drive if=none,readonly=on,id=ide-5632,file=/srv/cd.iso,format=raw "
                  "-device ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0 "
                  "-drive if=none,readonly=on,id=ide-5696 "
                  "-device ide-cd,id=ide-5696,drive=ide-5696,bus=ide.1,unit=1");
    assert_true(cmd.have_domid);
    assert_int_equal(cmd.domid, 7);
    assert_true(cmd.no_shutdown);
    assert_false(cmd.start_stopped);
    assert_false(cmd.probe);
    assert_string_equal(cmd.name, "guest");
    assert_int_equal(cmd.ram_mb, 240);
    assert_true(cmd.ram_below_4g == 3221225472);
    assert_int_equal(cmd.smp, 2);
    assert_int_equal(cmd.maxcpus, 4);
    assert_string_equal(cmd.boot_order, "dc");
    assert_false(cmd.acpi);
    assert_true(cmd.platform_device);
    assert_string_equal(cmd.keymap, "de");

    assert_true(cmd.vnc.enabled);
    assert_true(cmd.vnc.password);
    assert_string_equal(cmd.vnc.host, "127.0.0.1");
    assert_int_equal(cmd.vnc.display, 0);
    assert_int_equal(cmd.vnc.to, 99);

    assert_int_equal(cmd.chardev_count, 2);
    assert_string_equal(cmd.chardevs[0].id, "libxl-cmd");
    assert_string_equal(cmd.chardevs[0].path, "/var/run/xen/qmp-libxl-7");
    assert_int_equal(cmd.chardevs[0].fd, -1);
    assert_true(cmd.chardevs[0].monitor);
    assert_string_equal(cmd.chardevs[1].path, "/var/run/xen/qmp-libxenstat-7");
    assert_true(cmd.chardevs[1].monitor);

    assert_int_equal(cmd.serial_count, 1);
    assert_string_equal(cmd.serials[0], "pty");

    assert_int_equal(cmd.drive_count, 3);
    assert_int_equal(cmd.drives[0].interface, CMDLINE_IF_IDE);
    assert_int_equal(cmd.drives[0].index, 0);
    assert_string_equal(cmd.drives[0].id, "ide0-hd0");
    assert_string_equal(cmd.drives[0].path, "/srv/a,b.img");
    assert_false(cmd.drives[0].cdrom);
    assert_false(cmd.drives[0].readonly);
    assert_int_equal(cmd.drives[1].interface, CMDLINE_IF_NONE);
    assert_string_equal(cmd.drives[1].id, "ide-5632");
    assert_string_equal(cmd.drives[1].path, "/srv/cd.iso");
    assert_true(cmd.drives[1].readonly);
    assert_null(cmd.drives[2].path);

    assert_int_equal(cmd.device_count, 3);
    dev = &cmd.devices[0];
    assert_string_equal(dev->driver, "VGA");
    assert_int_equal(dev->count, 1);
    assert_string_equal(dev->options[0].key, "vgamem_mb");
    assert_string_equal(dev->options[0].value, "16");
    dev = &cmd.devices[1];
    assert_string_equal(dev->driver, "ide-cd");
    assert_int_equal(dev->count, 4);
    assert_string_equal(dev->options[2].key, "bus");
    assert_string_equal(dev->options[2].value, "ide.1");
    cmdline_finish(&cmd);
    cmdline_finish(&cmd);
}

/* Nothing but what libxl always writes: no VNC, no platform device, one CPU. */
static void test_xl_least(void **state)
{
    struct cmdline cmd;

    good(&cmd, XL_BEGIN "-vnc none -display none -nographic -boot order=cda -net none "
                        "-machine pc,accel=xen,suppress-vmdesc=on -m 64");
    assert_false(cmd.vnc.enabled);
    assert_false(cmd.platform_device);
    assert_true(cmd.acpi);
    assert_int_equal(cmd.smp, 1);
    assert_int_equal(cmd.maxcpus, 1);
    assert_null(cmd.keymap);
    assert_string_equal(cmd.boot_order, "cda");
    assert_true(cmd.ram_below_4g == 0);
    assert_int_equal(cmd.drive_count + cmd.device_count + cmd.serial_count, 0);
    cmdline_finish(&cmd);
}

static void test_xl_socket_by_descriptor(void **state)
{
    struct cmdline cmd;

    good(&cmd, "-xen-domid 7 -no-shutdown -S "
               "-chardev socket,id=libxl-cmd,fd=17,server=on,wait=off "
               "-mon chardev=libxl-cmd,mode=control -m 64");
    assert_true(cmd.start_stopped);
    assert_null(cmd.chardevs[0].path);
    assert_int_equal(cmd.chardevs[0].fd, 17);
    assert_true(cmd.chardevs[0].monitor);
    cmdline_finish(&cmd);
    bad(XL_BEGIN "-S -m 64 -xen-domid-restrict",
        "-xen-domid-restrict: confinement (dm_restrict, device_model_user) is not in xendm yet");
}

/* Xen 4.20 and later, before every guest. */
static void test_xl_probe(void **state)
{
    struct cmdline cmd;

    good(&cmd, "-S -no-user-config -nodefaults -nographic -machine none,accel=xen "
               "-chardev socket,id=libxl-cmd,fd=5,server=on,wait=off "
               "-mon chardev=libxl-cmd,mode=control");
    assert_true(cmd.probe);
    assert_false(cmd.have_domid);
    assert_int_equal(cmd.chardevs[0].fd, 5);
    cmdline_finish(&cmd);
}

/* What libxl can write and xendm has not: one line each. */
static void test_xl_later(void **state)
{
    static const char *const rows[][2] = {
        { "-chardev pty,id=libxl-channel0",
          "-chardev libxl-channel0: PV channels are not in xendm yet; remove channel= from the "
          "guest's configuration" },
        { "-chardev socket,id=libxl-channel1,path=/tmp/c,server=on,wait=off",
          "-chardev libxl-channel1: PV channels are not in xendm yet; remove channel= from the "
          "guest's configuration" },
        { "-xen-attach", "-xen-attach: backends for PV and PVH guests are not in xendm yet" },
        { "-display none -display sdl", "-display sdl: this display is not in xendm yet; use vnc=1 "
                                        "and sdl=0 in the guest's configuration" },
        { "-display sdl,gl=on", "-display sdl,gl=on: this display is not in xendm yet; use vnc=1 "
                                "and sdl=0 in the guest's configuration" },
        { "-kernel /k",
          "-kernel: direct kernel boot is not in xendm yet; boot from a disk or a CD" },
        { "-initrd /i",
          "-initrd: direct kernel boot is not in xendm yet; boot from a disk or a CD" },
        { "-append quiet",
          "-append: direct kernel boot is not in xendm yet; boot from a disk or a CD" },
        { "-device lsi53c895a", "-device lsi53c895a: this device model is not in xendm yet; name "
                                "the disks hda to hdd in the guest's configuration" },
        { "-spice port=6000,tls-port=0,disable-ticketing=on,agent-mouse=on",
          "-spice: SPICE is not in xendm yet; use vnc=1 in the guest's configuration" },
        { "-device virtio-serial", "-device virtio-serial: this device model is not in xendm yet; "
                                   "remove spicevdagent from the guest's configuration" },
        { "-chardev spicevmc,id=vdagent,name=vdagent",
          "-chardev spicevmc: this kind of stream is not in xendm yet" },
        { "-device virtserialport,chardev=vdagent,name=com.redhat.spice.0",
          "-device virtserialport: this device model is not in xendm yet; remove spicevdagent from "
          "the guest's configuration" },
        { "-device cirrus-vga,vgamem_mb=8",
          "-device cirrus-vga: this device model is not in xendm "
          "yet; use vga=\"stdvga\" in the guest's configuration" },
        { "-device qxl-vga,vram_size_mb=64,ram_size_mb=64",
          "-device qxl-vga: this device model is not in xendm yet; use vga=\"stdvga\" in the "
          "guest's configuration" },
        { "-usb", "-usb: USB is not in xendm yet; remove usb and usbdevice from the guest's "
                  "configuration" },
        { "-usbdevice tablet", "-usbdevice: USB is not in xendm yet; remove usb and usbdevice from "
                               "the guest's configuration" },
        { "-device piix3-usb-uhci,id=usb",
          "-device piix3-usb-uhci: this device model is not in xendm yet; remove usbversion from "
          "the guest's configuration" },
        { "-device ich9-usb-ehci1,id=usb,addr=0x1d.0x7,multifunction=on",
          "-device ich9-usb-ehci1: this device model is not in xendm yet; remove usbversion from "
          "the guest's configuration" },
        { "-device ich9-usb-uhci1,masterbus=usb.0,firstport=0,addr=0x1d.0,multifunction=on",
          "-device ich9-usb-uhci1: this device model is not in xendm yet; remove usbversion from "
          "the guest's configuration" },
        { "-device nec-usb-xhci,id=usb",
          "-device nec-usb-xhci: this device model is not in xendm yet; remove usbversion from the "
          "guest's configuration" },
        { "-device usb-redir,chardev=usbredirchardev1,id=usbredirdev1",
          "-device usb-redir: this device model is not in xendm yet; remove it from the guest's "
          "configuration" },
        { "-device ac97",
          "-device ac97: this device model is not in xendm yet; remove soundhw from "
          "the guest's configuration" },
        { "-device intel-hda", "-device intel-hda: this device model is not in xendm yet; remove "
                               "soundhw from the guest's configuration" },
        { "-device hda-duplex", "-device hda-duplex: this device model is not in xendm yet; remove "
                                "soundhw from the guest's configuration" },
        { "-device pcnet,id=nic0,netdev=net0,mac=00:16:3e:00:00:01",
          "-device pcnet: network card 'pcnet' is not in xendm yet; use model=e1000 or "
          "model=rtl8139 "
          "in the vif of the guest's configuration" },
        { "-object filter-mirror,id=m,netdev=n",
          "-object filter-mirror: this kind of object is not in xendm yet, but filter-dump" },
        { "-chroot /var/run/xen/qemu-root-7",
          "-chroot: confinement (dm_restrict, device_model_user) is not in xendm yet" },
        { "-run-with user=xen",
          "-run-with: confinement (dm_restrict, device_model_user) is not in xendm yet" },
        { "-runas xen",
          "-runas: confinement (dm_restrict, device_model_user) is not in xendm yet" },
        { "-incoming tcp:0:4444", "-incoming tcp:0:4444: xendm restores from fd:N only" },
        { "-incoming fd:", "-incoming fd:: xendm restores from fd:N only" },
        { "-incoming fd:-1", "-incoming fd:-1: xendm restores from fd:N only" },
        { "-machine xenpv", "-machine xenpv: backends for PV and PVH guests are not in xendm yet" },
        { "-machine xenfv,suppress-vmdesc=on,igd-passthru=on",
          "-machine: igd-passthru: graphics card passthrough is not in xendm yet" },
        { "-device ahci,id=ahci0", "-device ahci: this device model is not in xendm yet; remove "
                                   "hdtype=\"ahci\" from the guest's configuration" },
        { "-drive file=/d,if=ide,index=0,media=disk,format=qcow2,cache=writeback",
          "-drive: image format 'qcow2' is not in xendm yet; convert the image with 'qemu-img "
          "convert -O raw'" },
        { "-drive if=none,readonly=on,id=ide-5632,file=/c,format=vpc",
          "-drive: image format 'vpc' is not in xendm yet; convert the image with 'qemu-img "
          "convert "
          "-O raw'" },
        { "-drive file=/d,id=scsi0-hd0,format=raw,if=none,readonly=off,cache=writeback "
          "-device scsi-hd,drive=scsi0-hd0,scsi-id=0",
          "-device scsi-hd: this device model is not in xendm yet; name the disks hda to hdd in "
          "the "
          "guest's configuration" },
        { "-device xen-pvdevice,device-id=0xc000",
          "-device xen-pvdevice: this device model is not in xendm yet; remove vendor_device from "
          "the guest's configuration" },
        { "-d 7", "-d: qemu-xen-traditional's command line is not in xendm yet" },
        { "-M xenpv", "-machine xenpv: backends for PV and PVH guests are not in xendm yet" },
        { "-hda disk.img", "-hda: xendm never guesses a format; use -drive "
                           "file=PATH,if=ide,index=N,format=raw" },
        { "-soundhw ac97",
          "-soundhw: sound is not in xendm yet; remove soundhw from the guest's configuration" },
        { "-pidfile /p", "-pidfile: this option is not in xendm yet" },
        { "-global x.y=z", "-global: this option is not in xendm yet" },
    };
    char line[1024];

    for (size_t i = 0; i < DM_ARRAY_LEN(rows); i++) {
        snprintf(line, sizeof(line), GUEST "%s", rows[i][0]);
        bad(line, rows[i][1]);
    }
}

/* Cards as libxl writes them, and a capture. */
static void test_network(void **state)
{
    struct cmdline cmd;

    good(&cmd, GUEST "-device e1000,id=nic0,netdev=net0,mac=00:16:3e:00:00:01 "
                     "-netdev type=tap,id=net0,ifname=vif7.0-emu,br=xenbr0,script=no,downscript=no "
                     "-device rtl8139,id=nic1,netdev=net1,mac=00:16:3e:00:00:02 "
                     "-netdev tap,id=net1,script=/etc/a=b "
                     "-object filter-dump,id=d,netdev=net1,file=/tmp/a,b.pcap,maxlen=100 "
                     "-object filter-dump,id=e,netdev=net0,file=/tmp/b");
    assert_int_equal(cmd.device_count, 2);
    assert_string_equal(cmd.devices[0].driver, "e1000");
    assert_int_equal(cmd.devices[0].count, 3);
    assert_int_equal(cmd.netdev_count, 2);
    assert_string_equal(cmd.netdevs[0].id, "net0");
    assert_string_equal(cmd.netdevs[0].kind, "tap");
    assert_int_equal(cmd.netdevs[0].count, 4);
    assert_string_equal(cmd.netdevs[0].options[0].key, "ifname");
    assert_string_equal(cmd.netdevs[0].options[0].value, "vif7.0-emu");
    assert_string_equal(cmd.netdevs[0].options[3].key, "downscript");
    assert_int_equal(cmd.netdevs[1].count, 1);
    assert_string_equal(cmd.netdevs[1].options[0].value, "/etc/a=b");
    assert_int_equal(cmd.dump_count, 2);
    assert_string_equal(cmd.dumps[0].path, "/tmp/a,b.pcap");
    assert_string_equal(cmd.dumps[0].netdev, "net1");
    assert_int_equal(cmd.dumps[0].max_len, 100);
    assert_int_equal(cmd.dumps[1].max_len, 65536);
    cmdline_finish(&cmd);
}

static void test_wrong(void **state)
{
    static const char *const rows[][2] = {
        { "-frobnicate", "-frobnicate: unknown option" },
        { "-", "-: unknown option" },
        { "--", "--: unknown option" },
        { "---m 4", "---m: unknown option" },
        { "disk.img", "'disk.img': is not an option" },
        { "-vnc", "-vnc: needs a value" },
        { "-xen-domid -1", "-xen-domid -1: must be a number up to 32751" },
        { "-xen-domid 32752", "-xen-domid 32752: must be a number up to 32751" },
        { "-xen-domid x", "-xen-domid x: must be a number up to 32751" },
        { "-xen-domid ''", "-xen-domid : must be a number up to 32751" },
        { "-m 0", "-m 0: must be a size in MiB, up to 16777216" },
        { "-m -4", "-m -4: must be a size in MiB, up to 16777216" },
        { "-m 4X", "-m 4X: must be a size in MiB, up to 16777216" },
        { "-m 4MM", "-m 4MM: must be a size in MiB, up to 16777216" },
        { "-m 1K", "-m 1K: must be a size in MiB, up to 16777216" },
        { "-m 99999999999999999999", "-m 99999999999999999999: must be a size in MiB, up to "
                                     "16777216" },
        { "-m 17179869184T", "-m 17179869184T: must be a size in MiB, up to 16777216" },
        { "-m 16777217", "-m 16777217: must be a size in MiB, up to 16777216" },
        { "-smp 0", "-smp: cpus=0: a guest has at least one CPU" },
        { "-smp 129", "-smp: cpus=129: must be a number up to 128" },
        { "-smp 4,maxcpus=2", "-smp 4,maxcpus=2: more CPUs than maxcpus" },
        { "-smp 4,sockets=2", "-smp: 'sockets' is not in xendm" },
        { "-boot order=cx", "-boot cx: the letters are a (floppy), c (disk), d (CD), n (network)" },
        { "-boot cdc", "-boot cdc: 'c' is there twice" },
        { "-boot order=cdanacdn", "-boot cdanacdn: 'a' is there twice" },
        { "-boot menu=on", "-boot: menu=on is not in xendm yet" },
        { "-boot once=d", "-boot: 'once' is not in xendm" },
        { "-vnc ''", "-vnc : must be HOST:DISPLAY, a display up to 59635" },
        { "-vnc localhost", "-vnc localhost: must be HOST:DISPLAY, a display up to 59635" },
        { "-vnc :59636", "-vnc :59636: must be HOST:DISPLAY, a display up to 59635" },
        { "-vnc :x", "-vnc :x: must be HOST:DISPLAY, a display up to 59635" },
        { "-vnc :0,to=99999", "-vnc: to=99999: must be a number up to 59635" },
        { "-vnc :0,password=perhaps", "-vnc: password=perhaps: must be on or off" },
        { "-vnc :0,websocket=on", "-vnc: 'websocket' is not in xendm" },
        { "-vnc unix:/tmp/v", "-vnc unix:/tmp/v: VNC on a Unix socket is not in xendm yet" },
        { "-vnc :0 -vnc :1", "-vnc :1: a second VNC server is not in xendm" },
        { "-machine q35", "-machine q35: the machines are xenfv and pc,accel=xen" },
        { "-machine pc", "-machine pc: the machines are xenfv and pc,accel=xen" },
        { "-machine pc,accel=kvm", "-machine: accel=kvm: xendm serves Xen guests only" },
        { "-machine xenfv,frob=on", "-machine: 'frob' is not in xendm" },
        { "-machine xenfv,usb=on", "-machine: USB is not in xendm yet" },
        { "-machine xenfv,max-ram-below-4g=0",
          "-machine: max-ram-below-4g=0: must be bytes from 1 MiB to 4 GiB" },
        { "-machine xenfv,max-ram-below-4g=8G",
          "-machine: max-ram-below-4g=8G: must be bytes from 1 MiB to 4 GiB" },
        { "-accel tcg", "-accel tcg: xendm serves Xen guests only" },
        { "-chardev pty", "-chardev pty: id= is missing" },
        { "-chardev pty,id=", "-chardev pty,id=: id= is missing" },
        { "-chardev pty,id=a -chardev pty,id=a", "-chardev: id 'a' is there twice" },
        { "-chardev udp,id=a", "-chardev udp: this kind of stream is not in xendm yet" },
        { "-chardev id=a", "-chardev id=a: must begin with the kind of stream" },
        { "-chardev ''", "-chardev : must begin with the kind of stream" },
        { "-chardev socket,id=a,fd=-2", "-chardev: fd=-2: must be a number up to 2147483647" },
        { "-chardev pty,id=a,=x", "-chardev pty,id=a,=x: a key is missing" },
        { "-mon chardev=a,mode=control",
          "-mon chardev=a,mode=control: there is no such -chardev before it" },
        { "-mon mode=control", "-mon mode=control: there is no such -chardev before it" },
        { "-chardev pty,id=a -mon a,mode=control",
          "-mon a,mode=control: the -chardev is not a listening Unix socket" },
        { "-chardev socket,id=a,path=/s -mon a,mode=control",
          "-mon a,mode=control: the -chardev is not a listening Unix socket" },
        { "-chardev socket,id=a,path=/s,server=on -mon a",
          "-mon a: the human monitor is not in xendm yet" },
        { "-chardev socket,id=a,path=/s,server=on -mon a,mode=control -mon a,mode=control",
          "-mon a,mode=control: the -chardev has a monitor already" },
        { "-qmp stdio", "-qmp stdio: must be unix:PATH,server=on,wait=off" },
        { "-monitor stdio", "-monitor stdio: the human monitor is not in xendm yet" },
        { "-parallel /dev/lp0", "-parallel /dev/lp0: parallel ports are not in xendm yet" },
        { "-net nic,model=e1000", "-net nic,model=e1000: this form is not in xendm; use -netdev "
                                  "tap,id=ID,... and -device MODEL,netdev=ID" },
        { "-netdev id=net0", "-netdev id=net0: must begin with the kind, such as tap" },
        { "-netdev tap,ifname=a", "-netdev tap,ifname=a: id= is missing" },
        { "-netdev tap,id=a -netdev tap,id=a", "-netdev: id 'a' is there twice" },
        { "-netdev tap,id=0 -netdev tap,id=1 -netdev tap,id=2 -netdev tap,id=3 -netdev tap,id=4 "
          "-netdev tap,id=5 -netdev tap,id=6 -netdev tap,id=7 -netdev tap,id=8",
          "-netdev 8: a guest has at most 8 network cards" },
        { "-object x", "-object x: this kind of object is not in xendm yet, but filter-dump" },
        { "-object id=x",
          "-object id=x: this kind of object is not in xendm yet, but filter-dump" },
        { "-object filter-dump,id=a,netdev=n",
          "-object filter-dump: id=, netdev= and file= are needed" },
        { "-object filter-dump,id=a,netdev=n,file=f,maxlen=0",
          "-object filter-dump: id=, netdev= and file= are needed" },
        { "-object filter-dump,id=a,netdev=n,file=f,maxlen=1000000",
          "-object: maxlen=1000000: must be a number up to 262144" },
        { "-object filter-dump,id=a,netdev=n,queue=tx,file=f", "-object: 'queue' is not in xendm" },
        { "-object filter-dump,id=a,netdev=n,file=f -object filter-dump,id=a,netdev=n,file=f",
          "-object: id 'a' is there twice" },
        { "-vga cirrus", "-vga cirrus: this display device is not in xendm yet; use -vga std" },
        { "-serial pty -serial pty -serial pty -serial pty -serial file:/x",
          "-serial file:/x: a PC has no more than 4 serial ports" },
        { "-drive file=/d,if=ide",
          "-drive: format= is missing for /d; xendm never guesses a format" },
        { "-drive if=ide,index=0", "-drive: file= is missing for the disk 'ide0-hd0'" },
        { "-drive file=/d,format=raw,if=floppy",
          "-drive: if=floppy: this kind of drive is not in xendm yet" },
        { "-drive file=/d,format=raw,if=virtio",
          "-drive: if=virtio: this kind of drive is not in xendm yet" },
        { "-drive file=/d,format=raw,index=4", "-drive: index=4: must be a number up to 3" },
        { "-drive file=/d,format=raw,index=1 -drive file=/e,format=raw,index=1",
          "-drive: IDE drive 1 is there twice" },
        { "-drive file=/d,format=raw,bus=1,unit=1 -drive file=/e,format=raw,index=3",
          "-drive: IDE drive 3 is there twice" },
        { "-drive file=/d,format=raw,if=none,id=x -drive file=/e,format=raw,if=none,id=x",
          "-drive: id 'x' is there twice" },
        { "-drive file=/d,format=raw,cache=magic", "-drive: cache=magic: is not in xendm yet" },
        { "-drive file=/d,format=raw,discard=off", "-drive: discard=off: is not in xendm yet" },
        { "-drive file=/d,format=raw,media=tape", "-drive: media=tape: must be disk or cdrom" },
        { "-drive file=/d,format=raw,readonly=2", "-drive: readonly=2: must be on or off" },
        { "-drive format=raw,snapshot=on,file=/d", "-drive: 'snapshot' is not in xendm" },
        { "-drive /d", "-drive: '/d' is not in xendm" },
        { "-device ''", "-device : must begin with the name of a device model" },
        { "-device id=x", "-device id=x: must begin with the name of a device model" },
        { "-device "
          "x,a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,A,B,C,D,E,F,G",
          "-device: more than 32 keys" },
    };
    char line[1024];

    for (size_t i = 0; i < DM_ARRAY_LEN(rows); i++) {
        snprintf(line, sizeof(line), GUEST "%s", rows[i][0]);
        bad(line, rows[i][1]);
    }
    bad("-m 64", "-xen-domid is missing: whose device model shall this be?");
    bad("", "-xen-domid is missing: whose device model shall this be?");
    bad("-xen-domid 1", "-m is missing: how much memory has the guest?");
}

static void test_paths_with_commas(void **state)
{
    static const struct {
        const char *option, *path;
    } rows[] = {
        /* libxl's forms: the path is as it is, whatever it looks like. */
        { "file=/a,b,if=ide,index=0,media=disk,format=raw,cache=writeback", "/a,b" },
        { "file=/a,,b,if=ide,index=0,media=disk,format=raw,cache=writeback", "/a,,b" },
        { "file=/a,readonly=on,if=ide,index=0,media=disk,format=raw,cache=writeback",
          "/a,readonly=on" },
        { "file=/a,format=qcow2,if=ide,index=0,media=disk,format=raw,cache=writeback",
          "/a,format=qcow2" },
        { "file=/a,,if=ide,index=0,media=disk,format=raw,cache=writeback", "/a," },
        { "file=/a,if=ide,index=1,if=ide,index=0,media=disk,format=raw,cache=writeback",
          "/a,if=ide,index=1" },
        { "if=none,readonly=on,id=ide-768,file=/a,cache=unsafe,b,format=raw", "/a,cache=unsafe,b" },
        { "if=none,readonly=on,id=ide-768,file=/a,cache=unsafe,format=raw", "/a,cache=unsafe" },
        { "file=/a,x,id=scsi0-hd0,format=raw,if=none,readonly=off,cache=writeback", "/a,x" },
        { "file=/a,x,if=none,id=ahcidisk-0,format=raw,cache=writeback", "/a,x" },
        /* Others': from the right, each key once; ",," is QEMU's comma. */
        { "format=raw,file=/a,b", "/a,b" },
        { "format=raw,file=/a,,b", "/a,b" },
        { "file=/a,b,format=raw", "/a,b" },
        { "file=/a,b=c,format=raw", "/a,b=c" },
        { "file=/a,format=x,format=raw", "/a,format=x" },
        { "format=raw,file=/a,format=raw", "/a,format=raw" },
        { "index=1,format=raw,file=/a,aio=native", "/a" },
        { "file=/a=b,format=raw", "/a=b" },
    };
    struct cmdline cmd;
    char line[512];

    for (size_t i = 0; i < DM_ARRAY_LEN(rows); i++) {
        snprintf(line, sizeof(line), GUEST "-drive %s", rows[i].option);
        good(&cmd, line);
        assert_int_equal(cmd.drive_count, 1);
        assert_string_equal(cmd.drives[0].path, rows[i].path);
        cmdline_finish(&cmd);
    }
    good(&cmd, GUEST "-chardev socket,id=a,path=/x,y,server=on,wait=off");
    assert_string_equal(cmd.chardevs[0].path, "/x,y");
    cmdline_finish(&cmd);
}

static void test_drives(void **state)
{
    struct cmdline cmd;

    good(&cmd, GUEST "-drive file=/a,format=raw -drive file=/c,format=raw,media=cdrom,index=2 "
                     "-drive file=/b,format=raw,cache=writeback,discard=unmap "
                     "-drive file=/d,format=host_device,bus=1,unit=1,aio=native "
                     "-drive if=none,format=raw,file=/e,readonly=on");
    assert_int_equal(cmd.drive_count, 5);
    assert_int_equal(cmd.drives[0].index, 0);
    assert_int_equal(cmd.drives[1].index, 2);
    assert_string_equal(cmd.drives[1].id, "ide1-cd0");
    assert_true(cmd.drives[1].cdrom && cmd.drives[1].readonly);
    assert_int_equal(cmd.drives[2].index, 1);
    assert_string_equal(cmd.drives[2].id, "ide0-hd1");
    assert_int_equal(cmd.drives[3].index, 3);
    assert_string_equal(cmd.drives[4].id, "none4");
    assert_true(cmd.drives[4].readonly && !cmd.drives[4].cdrom);
    cmdline_finish(&cmd);

    good(&cmd, GUEST "-cdrom /c.iso");
    assert_int_equal(cmd.drives[0].index, 2);
    assert_true(cmd.drives[0].cdrom);
    assert_string_equal(cmd.drives[0].path, "/c.iso");
    cmdline_finish(&cmd);

    good(&cmd, GUEST "-drive if=ide,index=3,media=cdrom");
    assert_null(cmd.drives[0].path);
    cmdline_finish(&cmd);
}

static void test_chardevs(void **state)
{
    struct cmdline cmd;
    const struct cmdline_chardev *c;

    good(&cmd, GUEST "-chardev socket,id=a,path=/x,y,server,nowait -chardev pty,id=b "
                     "-chardev file,append=on,path=/p,q,id=c -chardev socket,path=/z,id=d "
                     "-chardev socket,id=e,fd=4,server=on");
    assert_int_equal(cmd.chardev_count, 5);
    c = &cmd.chardevs[0];
    assert_string_equal(c->kind, "socket");
    assert_int_equal(c->count, 4);
    assert_string_equal(c->options[1].key, "path");
    assert_string_equal(c->options[1].value, "/x,y");
    assert_string_equal(c->options[2].key, "server");
    assert_string_equal(c->options[2].value, "on");
    assert_string_equal(c->options[3].key, "wait");
    assert_string_equal(c->options[3].value, "off");
    assert_string_equal(c->path, "/x,y");
    assert_int_equal(c->fd, -1);
    c = &cmd.chardevs[1];
    assert_string_equal(c->kind, "pty");
    assert_string_equal(c->id, "b");
    assert_null(c->path);
    c = &cmd.chardevs[2];
    assert_string_equal(c->kind, "file");
    assert_string_equal(c->options[1].value, "/p,q");
    assert_string_equal(c->id, "c");
    assert_null(c->path);
    assert_null(cmd.chardevs[3].path); /* a client */
    assert_int_equal(cmd.chardevs[4].fd, 4);
    cmdline_finish(&cmd);
    good(&cmd, GUEST "-qmp unix:/q,1,server=on,wait=off -qmp unix:/r,server,nowait");
    assert_int_equal(cmd.chardev_count, 2);
    assert_string_equal(cmd.chardevs[0].path, "/q,1");
    assert_string_equal(cmd.chardevs[1].path, "/r");
    assert_true(cmd.chardevs[0].monitor && cmd.chardevs[1].monitor);
    cmdline_finish(&cmd);
}

static void test_vnc(void **state)
{
    static const struct {
        const char *option, *host;
        unsigned display, to;
        bool password;
    } rows[] = {
        { "127.0.0.1:0,to=99", "127.0.0.1", 0, 99, false },
        { "0.0.0.0:5", "0.0.0.0", 5, 5, false },
        { ":1", "", 1, 1, false },
        { "[::1]:2", "::1", 2, 2, false },
        { "::1:2", "::1", 2, 2, false },
        { ":::3", "::", 3, 3, false },
        { "localhost:3,password", "localhost", 3, 3, true },
        { "localhost:3,password=off", "localhost", 3, 3, false },
        { "127.0.0.1:150,password=on,to=99", "127.0.0.1", 150, 150, true },
        { "h:59635", "h", 59635, 59635, false },
    };
    struct cmdline cmd;
    char line[256];

    for (size_t i = 0; i < DM_ARRAY_LEN(rows); i++) {
        snprintf(line, sizeof(line), GUEST "-vnc none -vnc %s", rows[i].option);
        good(&cmd, line);
        assert_true(cmd.vnc.enabled);
        assert_string_equal(cmd.vnc.host, rows[i].host);
        assert_int_equal(cmd.vnc.display, rows[i].display);
        assert_int_equal(cmd.vnc.to, rows[i].to);
        assert_int_equal(cmd.vnc.password, rows[i].password);
        cmdline_finish(&cmd);
    }
}

static void test_sizes_and_cpus(void **state)
{
    static const struct {
        const char *text;
        uint64_t mb;
        unsigned smp, max;
    } rows[] = {
        { "-m 100", 100, 1, 1 },
        { "-m size=100", 100, 1, 1 },
        { "-m 0064", 52, 1, 1 }, /* as strtoul reads it */
        { "-m 2G", 2048, 1, 1 },
        { "-m 3g", 3072, 1, 1 },
        { "-m 2048K", 2, 1, 1 },
        { "-m 7M -smp 3", 7, 3, 3 },
        { "-m 16777216 -smp cpus=2,maxcpus=128", 16777216, 2, 128 },
        { "-m 1 -smp maxcpus=5", 1, 5, 5 },
    };
    struct cmdline cmd;
    char line[256];

    for (size_t i = 0; i < DM_ARRAY_LEN(rows); i++) {
        snprintf(line, sizeof(line), "-xen-domid 1 %s", rows[i].text);
        good(&cmd, line);
        assert_true(cmd.ram_mb == rows[i].mb);
        assert_int_equal(cmd.smp, rows[i].smp);
        assert_int_equal(cmd.maxcpus, rows[i].max);
        cmdline_finish(&cmd);
    }
}

static void test_added_by_people(void **state)
{
    struct cmdline cmd;

    good(&cmd, GUEST "-M xenfv -accel xen -monitor /dev/null -parallel none -nic none -vga std "
                     "-boot dnca,menu=off,strict=off -name guest=a,b --smp 2 -serial none "
                     "-serial file:/tmp/x,y");
    assert_int_equal(cmd.device_count, 1);
    assert_string_equal(cmd.devices[0].driver, "VGA");
    assert_int_equal(cmd.devices[0].count, 0);
    assert_string_equal(cmd.boot_order, "dnca");
    assert_string_equal(cmd.name, "a,b");
    assert_int_equal(cmd.smp, 2);
    assert_int_equal(cmd.serial_count, 2);
    assert_string_equal(cmd.serials[0], "none");
    assert_string_equal(cmd.serials[1], "file:/tmp/x,y");
    cmdline_finish(&cmd);
    good(&cmd, GUEST "-vga none -device foo,a=1,b,c=x,,y");
    assert_int_equal(cmd.devices[0].count, 3);
    assert_string_equal(cmd.devices[0].options[1].key, "b");
    assert_string_equal(cmd.devices[0].options[1].value, "on");
    assert_string_equal(cmd.devices[0].options[2].value, "x,y");
    cmdline_finish(&cmd);
}

static void test_help_and_version(void **state)
{
    static const char *const rows[] = { "-help", "--help", "-h", "-version", "--version" };
    char *text = NULL;
    size_t size = 0;
    struct cmdline cmd;
    FILE *f;

    for (size_t i = 0; i < DM_ARRAY_LEN(rows); i++) {
        good(&cmd, rows[i]);
        assert_int_equal(cmd.help, i < 3);
        assert_int_equal(cmd.version, i >= 3);
        cmdline_finish(&cmd);
    }
    f = open_memstream(&text, &size);
    cmdline_print_help(f);
    fclose(f);
    assert_non_null(strstr(text, "\n-xen-domid ID\n        the guest\n"));
    assert_non_null(strstr(text, "\n-S\n"));
    assert_null(strstr(text, "spice"));
    assert_null(strstr(text, "not in xendm yet"));
    free(text);
}

UNIT_MAIN(cmocka_unit_test(test_xl_full), cmocka_unit_test(test_xl_least),
          cmocka_unit_test(test_xl_socket_by_descriptor), cmocka_unit_test(test_xl_probe),
          cmocka_unit_test(test_xl_later), cmocka_unit_test(test_network),
          cmocka_unit_test(test_wrong), cmocka_unit_test(test_paths_with_commas),
          cmocka_unit_test(test_drives), cmocka_unit_test(test_chardevs),
          cmocka_unit_test(test_vnc), cmocka_unit_test(test_sizes_and_cpus),
          cmocka_unit_test(test_added_by_people), cmocka_unit_test(test_help_and_version))
