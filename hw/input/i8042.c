/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keyboard controller of a PS/2: ports 60 and 64, IRQ 1 for the keyboard,
 * IRQ 12 for the mouse, with both of them.
 *
 * IBM Personal System/2 Hardware Interface Technical Reference, Keyboard and
 * Auxiliary Device Controller (Type 1), October 1990 ("HITR" below).
 *
 * The next byte of a device appears a while after the last one was read, as the
 * wire makes it: software that reads port 60 twice gets the same byte twice.
 *
 * Missing: the password (A4 says that there is none), the diagnostics of the
 * lines (E0, C1, C2). A20 is a bit that can be read back: under Xen it is on.
 */
#include "dm/bytes.h"
#include "dm/machine.h"
#include "hw/classes.h"
#include "hw/input/ps2.h"

#include <errno.h>
#include <string.h>

#define PORT_DATA        0x60
#define PORT_STATUS      0x64 /* read; commands on write */

#define STATUS_OBF       0x01 /* HITR "Status register" */
#define STATUS_SYSTEM    0x04
#define STATUS_COMMAND   0x08 /* the last write was to port 64 */
#define STATUS_UNLOCKED  0x10
#define STATUS_AUX       0x20 /* the byte is the mouse's */

#define MODE_KBD_IRQ     0x01 /* HITR "Controller command byte" */
#define MODE_AUX_IRQ     0x02
#define MODE_SYSTEM      0x04
#define MODE_KBD_OFF     0x10
#define MODE_AUX_OFF     0x20
#define MODE_TRANSLATE   0x40

/* Commands, HITR "Controller commands". */
#define CMD_READ_RAM     0x20 /* to 3f; 20 is the command byte */
#define CMD_WRITE_RAM    0x60 /* to 7f */
#define CMD_TEST_PASS    0xa4
#define CMD_AUX_OFF      0xa7
#define CMD_AUX_ON       0xa8
#define CMD_AUX_TEST     0xa9
#define CMD_SELF_TEST    0xaa
#define CMD_KBD_TEST     0xab
#define CMD_KBD_OFF      0xad
#define CMD_KBD_ON       0xae
#define CMD_READ_INPUT   0xc0
#define CMD_READ_OUTPUT  0xd0
#define CMD_WRITE_OUTPUT 0xd1
#define CMD_WRITE_KBD    0xd2 /* as if the keyboard had sent it */
#define CMD_WRITE_AUX    0xd3
#define CMD_TO_AUX       0xd4
#define CMD_A20_OFF      0xdd /* not IBM's; SeaBIOS and others know them */
#define CMD_A20_ON       0xdf
#define CMD_PULSE        0xf0 /* to ff: the low bits that are 0 are pulsed */

#define INPUT_UNLOCKED   0x80

#define OUTPUT_RESET     0x01 /* 0: the processor is in reset */
#define OUTPUT_A20       0x02
#define OUTPUT_KBD       0x10 /* the levels of the interrupts */
#define OUTPUT_AUX       0x20
#define OUTPUT_KEPT      0xcf

#define I8042_RAM        32

/* A byte takes 11 bits at 10 to 16.7 kHz, about 1 ms; half of it is still told apart. */
#define I8042_GAP_NS     (500 * DM_NS_PER_US)

struct i8042 {
    struct dm_device dev;

    /* Registers */
    uint8_t ram[I8042_RAM]; /* the first: the command byte, MODE_... */
    uint8_t status;         /* STATUS_... without STATUS_SYSTEM, which is in ram */
    uint8_t output;         /* port, OUTPUT_KEPT of it */
    uint8_t command;        /* waits for its parameter; 0: none */
    uint8_t data;           /* port 60 */
    uint8_t answer;         /* of the controller itself, waiting for OBF to clear */
    bool answered, answer_is_aux;
    bool breaking; /* translation saw F0 */
    struct dm_timer gap;
    struct ps2_kbd kbd;
    struct ps2_mouse mouse;

    /* Connections */
    struct dm_irq kbd_irq, aux_irq;
    struct dm_region data_region, command_region;
    struct dm_input_sink sink;
};

static bool i8042_kbd_level(const struct i8042 *s)
{
    return (s->status & (STATUS_OBF | STATUS_AUX)) == STATUS_OBF && s->ram[0] & MODE_KBD_IRQ;
}

static bool i8042_aux_level(const struct i8042 *s)
{
    return s->status & STATUS_OBF && s->status & STATUS_AUX && s->ram[0] & MODE_AUX_IRQ;
}

static void i8042_update_irq(struct i8042 *s)
{
    dm_irq_set(&s->kbd_irq, i8042_kbd_level(s));
    dm_irq_set(&s->aux_irq, i8042_aux_level(s));
}

static void i8042_fill(struct i8042 *s, uint8_t byte, bool aux)
{
    s->data = byte;
    s->status = (uint8_t)((s->status & ~STATUS_AUX) | STATUS_OBF | (aux ? STATUS_AUX : 0));
}

/* Set 2 to set 1: F0 xx becomes one byte with bit 7. false: nothing to show yet. */
static bool i8042_translate(struct i8042 *s, uint8_t *byte)
{
    if (!(s->ram[0] & MODE_TRANSLATE)) {
        s->breaking = false;
        return true;
    }
    if (*byte == 0xf0) {
        s->breaking = true;
        return false;
    }
    *byte = ps2_set2_to_set1[*byte] | (s->breaking ? 0x80 : 0);
    s->breaking = false;
    return true;
}

/* Lets the next byte in, if port 60 is free and one is there. */
static void i8042_update(struct i8042 *s)
{
    uint8_t byte;

    i8042_update_irq(s);
    if (s->status & STATUS_OBF)
        return;
    if (s->answered) {
        s->answered = false;
        i8042_fill(s, s->answer, s->answer_is_aux);
    }
    if (dm_timer_armed(&s->gap))
        goto out;
    /* A translated F0 takes no time of its own: at most a queue of them. */
    while (!(s->status & STATUS_OBF) && !(s->ram[0] & MODE_KBD_OFF) && ps2_kbd_take(&s->kbd, &byte))
        if (i8042_translate(s, &byte))
            i8042_fill(s, byte, false);
    if (!(s->status & STATUS_OBF) && !(s->ram[0] & MODE_AUX_OFF) &&
        ps2_mouse_take(&s->mouse, &byte))
        i8042_fill(s, byte, true);
out:
    i8042_update_irq(s);
}

static void i8042_gap_over(void *opaque)
{
    i8042_update(opaque);
}

static void i8042_answer(struct i8042 *s, uint8_t byte, bool aux)
{
    s->answer = byte;
    s->answered = true;
    s->answer_is_aux = aux;
}

static void i8042_set_output(struct i8042 *s, uint8_t val)
{
    s->output = val & OUTPUT_KEPT;
    if (!(val & OUTPUT_RESET))
        dm_machine_shutdown(s->dev.machine, DM_SHUTDOWN_REBOOT);
}

static uint8_t i8042_output(const struct i8042 *s)
{
    return s->output | (i8042_kbd_level(s) ? OUTPUT_KBD : 0) |
           (i8042_aux_level(s) ? OUTPUT_AUX : 0);
}

static void i8042_command(struct i8042 *s, uint8_t command)
{
    s->command = 0;
    if ((command & 0xe0) == CMD_READ_RAM) {
        i8042_answer(s, s->ram[command % I8042_RAM], false);
        return;
    }
    if (command >= CMD_PULSE) {
        /* Windows sends FF after A20 commands: it pulses nothing. */
        if (!(command & OUTPUT_RESET))
            dm_machine_shutdown(s->dev.machine, DM_SHUTDOWN_REBOOT);
        return;
    }
    if ((command & 0xe0) == CMD_WRITE_RAM) {
        s->command = command;
        return;
    }
    switch (command) {
    case CMD_WRITE_OUTPUT:
    case CMD_WRITE_KBD:
    case CMD_WRITE_AUX:
    case CMD_TO_AUX:
        s->command = command;
        break;
    case CMD_TEST_PASS:
        i8042_answer(s, 0xf1, false); /* none is installed */
        break;
    case CMD_AUX_OFF:
        s->ram[0] |= MODE_AUX_OFF;
        break;
    case CMD_AUX_ON:
        s->ram[0] &= (uint8_t)~MODE_AUX_OFF;
        break;
    case CMD_AUX_TEST:
    case CMD_KBD_TEST:
        i8042_answer(s, 0x00, false);
        break;
    case CMD_SELF_TEST:
        s->ram[0] |= MODE_SYSTEM;
        i8042_answer(s, 0x55, false);
        break;
    case CMD_KBD_OFF:
        s->ram[0] |= MODE_KBD_OFF;
        break;
    case CMD_KBD_ON:
        s->ram[0] &= (uint8_t)~MODE_KBD_OFF;
        break;
    case CMD_READ_INPUT:
        i8042_answer(s, INPUT_UNLOCKED, false);
        break;
    case CMD_READ_OUTPUT:
        i8042_answer(s, i8042_output(s), false);
        break;
    case CMD_A20_OFF:
        s->output &= (uint8_t)~OUTPUT_A20;
        break;
    case CMD_A20_ON:
        s->output |= OUTPUT_A20;
        break;
    default:
        dm_guest_error(&s->dev, "keyboard controller command %#x", command);
        break;
    }
}

static void i8042_data(struct i8042 *s, uint8_t byte)
{
    uint8_t command = s->command;

    s->command = 0;
    switch (command) {
    case 0:
        /* HITR: sending to a device turns its interface on. */
        s->ram[0] &= (uint8_t)~MODE_KBD_OFF;
        ps2_kbd_write(&s->kbd, byte);
        break;
    case CMD_TO_AUX:
        s->ram[0] &= (uint8_t)~MODE_AUX_OFF;
        ps2_mouse_write(&s->mouse, byte);
        break;
    case CMD_WRITE_OUTPUT:
        i8042_set_output(s, byte);
        break;
    case CMD_WRITE_KBD:
    case CMD_WRITE_AUX:
        i8042_answer(s, byte, command == CMD_WRITE_AUX);
        break;
    default:
        s->ram[command % I8042_RAM] = byte;
        break;
    }
}

static void i8042_write_data(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct i8042 *s = opaque;

    (void)off;
    (void)size;
    s->status &= (uint8_t)~STATUS_COMMAND;
    i8042_data(s, (uint8_t)val);
    i8042_update(s);
}

static void i8042_write_command(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct i8042 *s = opaque;

    (void)off;
    (void)size;
    s->status |= STATUS_COMMAND;
    i8042_command(s, (uint8_t)val);
    i8042_update(s);
}

static uint64_t i8042_read_data(void *opaque, uint64_t off, unsigned size)
{
    struct i8042 *s = opaque;
    uint8_t data = s->data;

    (void)off;
    (void)size;
    if (s->status & STATUS_OBF) {
        s->status &= (uint8_t) ~(STATUS_OBF | STATUS_AUX);
        dm_timer_arm(&s->gap, dm_clock_now(s->dev.machine->clock) + I8042_GAP_NS);
        i8042_update(s);
        /* No wake-up for nothing. Whatever comes now comes at once. */
        if (!ps2_queue_count(&s->kbd.q) && !ps2_mouse_ready(&s->mouse))
            dm_timer_cancel(&s->gap);
    }
    return data;
}

static uint64_t i8042_read_status(void *opaque, uint64_t off, unsigned size)
{
    struct i8042 *s = opaque;

    (void)off;
    (void)size;
    return s->status | (s->ram[0] & MODE_SYSTEM ? STATUS_SYSTEM : 0);
}

static const struct dm_region_ops i8042_data_ops = {
    .read = i8042_read_data, .write = i8042_write_data, .min = 1, .max = 1
};

static const struct dm_region_ops i8042_command_ops = {
    .read = i8042_read_status, .write = i8042_write_command, .min = 1, .max = 1
};

static void i8042_key(void *opaque, unsigned code, bool down)
{
    struct i8042 *s = opaque;

    ps2_kbd_key(&s->kbd, code, down);
    i8042_update(s);
}

static void i8042_relative(void *opaque, int dx, int dy, int dz, unsigned buttons)
{
    struct i8042 *s = opaque;

    ps2_mouse_move(&s->mouse, dx, dy, dz, buttons);
    i8042_update(s);
}

static void i8042_reset(struct dm_device *dev)
{
    struct i8042 *s = (struct i8042 *)dev;

    memset(s->ram, 0, sizeof(s->ram));
    s->ram[0] = MODE_KBD_IRQ | MODE_AUX_IRQ;
    s->status = STATUS_COMMAND | STATUS_UNLOCKED;
    s->output = OUTPUT_KEPT;
    s->command = s->data = s->answer = 0;
    s->answered = s->answer_is_aux = s->breaking = false;
    dm_timer_cancel(&s->gap);
    ps2_kbd_reset(&s->kbd);
    ps2_mouse_reset(&s->mouse);
    i8042_update_irq(s);
}

static int i8042_realize(struct dm_device *dev, struct dm_error *err)
{
    struct i8042 *s = (struct i8042 *)dev;
    int rc;

    s->data_region =
        (struct dm_region) { .name = "i8042 data", .ops = &i8042_data_ops, .opaque = s, .size = 1 };
    s->command_region = (struct dm_region) {
        .name = "i8042 command", .ops = &i8042_command_ops, .opaque = s, .size = 1
    };
    rc = dm_space_add(&dev->machine->io, &s->data_region, PORT_DATA);
    if (!rc)
        rc = dm_space_add(&dev->machine->io, &s->command_region, PORT_STATUS);
    if (rc) {
        dm_space_remove(&s->data_region);
        return dm_error_set(err, -rc, "device '%s': I/O ports 0x60 and 0x64: %s", dev->id,
                            strerror(-rc));
    }
    dm_machine_isa_irq(dev->machine, &s->kbd_irq, 1);
    dm_machine_isa_irq(dev->machine, &s->aux_irq, 12);
    dm_timer_init(&s->gap, dev->machine->clock, i8042_gap_over, s);
    ps2_kbd_init(&s->kbd, dev->machine);
    ps2_mouse_init(&s->mouse, dev->machine, i8042_gap_over, s);
    s->sink = (struct dm_input_sink) { .key = i8042_key, .relative = i8042_relative, .opaque = s };
    dm_input_add(&dev->machine->input, &s->sink);
    return 0;
}

static void i8042_unrealize(struct dm_device *dev)
{
    struct i8042 *s = (struct i8042 *)dev;

    dm_input_remove(&dev->machine->input, &s->sink);
    ps2_mouse_finish(&s->mouse);
    dm_timer_cancel(&s->gap);
    dm_irq_set(&s->kbd_irq, false);
    dm_irq_set(&s->aux_irq, false);
    dm_space_remove(&s->data_region);
    dm_space_remove(&s->command_region);
}

static const struct dm_field i8042_fields[] = {
    DM_BYTES(struct i8042, ram, 1),
    DM_UINT(struct i8042, status, 1),
    DM_UINT(struct i8042, output, 1),
    DM_UINT(struct i8042, command, 1),
    DM_UINT(struct i8042, data, 1),
    DM_UINT(struct i8042, answer, 1),
    DM_BOOL(struct i8042, answered, 1),
    DM_BOOL(struct i8042, answer_is_aux, 1),
    DM_BOOL(struct i8042, breaking, 1),
    DM_TIMER(struct i8042, gap, 1),
    DM_STRUCT(struct i8042, kbd, 1, ps2_kbd_fields),
    DM_STRUCT(struct i8042, mouse, 1, ps2_mouse_fields),
    DM_FIELDS_END,
};

static int i8042_post_load(struct dm_device *dev, uint16_t version)
{
    struct i8042 *s = (struct i8042 *)dev;
    int rc;

    (void)version;
    if (s->status & ~(STATUS_OBF | STATUS_COMMAND | STATUS_UNLOCKED | STATUS_AUX) ||
        s->output & ~OUTPUT_KEPT)
        return -EINVAL;
    rc = ps2_mouse_post_load(&s->mouse);
    if (!rc)
        rc = ps2_kbd_post_load(&s->kbd);
    if (rc)
        return rc;
    dm_irq_force(&s->kbd_irq, i8042_kbd_level(s));
    dm_irq_force(&s->aux_irq, i8042_aux_level(s));
    return 0;
}

const struct dm_class i8042_class = {
    .name = "i8042",
    .size = sizeof(struct i8042),
    .version = 1,
    .realize = i8042_realize,
    .unrealize = i8042_unrealize,
    .reset = i8042_reset,
    .fields = i8042_fields,
    .post_load = i8042_post_load,
};
