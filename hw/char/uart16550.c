/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial port of a PC: a 16550A UART on the ISA bus.
 *
 * National Semiconductor, PC16550D Universal Asynchronous Receiver/Transmitter
 * with FIFOs, June 1995 ("DS" below, with its section).
 *
 * Deviations, wanted: bytes go out as fast as the host takes them, whatever the
 * divisor says; the baud rate only sets the receiver's time-out. Bytes from the
 * host come in as fast as the guest reads, so the receiver overruns in loopback
 * only. DCD, DSR and CTS are always on: a guest's getty must be able to open the
 * port before anyone has connected to it. INTR is not gated by OUT2, which a PC's
 * board does, since there are guests that know serial ports from emulators alone.
 *
 * Missing: sending a break to the host, parity and framing errors (no host
 * reports any), DMA mode (a PC does not wire RXRDY and TXRDY).
 */
#include "dm/bytes.h"
#include "dm/machine.h"
#include "hw/classes.h"

#include <errno.h>
#include <string.h>

/* Registers, DS 8.0 table II. */
enum {
    UART_DATA = 0, /* RBR, THR; DLL with DLAB */
    UART_IER = 1,  /* DLM with DLAB */
    UART_IIR = 2,  /* read; FCR on write */
    UART_LCR = 3,
    UART_MCR = 4,
    UART_LSR = 5,
    UART_MSR = 6,
    UART_SCR = 7,
    UART_PORTS = 8,
};

#define IER_RDA          0x01 /* DS 8.7: received data, and its time-out */
#define IER_THRE         0x02
#define IER_RLS          0x04
#define IER_MS           0x08
#define IER_MASK         0x0f

#define IIR_NONE         0x01 /* DS 8.6, table V */
#define IIR_MS           0x00
#define IIR_THRE         0x02
#define IIR_RDA          0x04
#define IIR_RLS          0x06
#define IIR_TIMEOUT      0x0c
#define IIR_FIFOS        0xc0

#define FCR_ENABLE       0x01 /* DS 8.5 */
#define FCR_RESET_RX     0x02
#define FCR_RESET_TX     0x04
#define FCR_KEPT         0xc9

#define LCR_WORD         0x03 /* DS 8.1 */
#define LCR_STOP         0x04
#define LCR_PARITY       0x08
#define LCR_EVEN         0x10
#define LCR_BREAK        0x40
#define LCR_DLAB         0x80

#define MCR_DTR          0x01 /* DS 8.8 */
#define MCR_RTS          0x02
#define MCR_OUT1         0x04
#define MCR_OUT2         0x08
#define MCR_LOOP         0x10
#define MCR_MASK         0x1f

#define LSR_DR           0x01 /* DS 8.4 */
#define LSR_OE           0x02
#define LSR_BI           0x10
#define LSR_ERRORS       0x1e /* OE, PE, FE, BI */
#define LSR_THRE         0x20
#define LSR_TEMT         0x40
#define LSR_RXFIFO       0x80

#define MSR_DCTS         0x01 /* DS 8.9 */
#define MSR_DDSR         0x02
#define MSR_TERI         0x04
#define MSR_DDCD         0x08
#define MSR_CTS          0x10
#define MSR_DSR          0x20
#define MSR_RI           0x40
#define MSR_DCD          0x80

#define UART_CLOCK       115200u /* baud at divisor 1: 1.8432 MHz / 16 */
#define UART_FIFO        16u
#define UART_DIV_RESET   12 /* 9600 baud; DS 8.3 leaves it undefined */

/*
 * Bytes written to THR are gathered so long unless the guest looks at the port
 * first: then sixteen bytes cost one write on the host and one interrupt.
 */
#define UART_GATHER_NS   (50 * DM_NS_PER_US)
/* How long the transmitter waits for a host that takes nothing, before it drops. */
#define UART_PATIENCE_NS (500 * DM_NS_PER_MS)

struct uart {
    struct dm_device dev;

    /* Registers */
    uint8_t ier, fcr, lcr, mcr, msr, scr;
    uint16_t divisor;
    uint8_t rx[UART_FIFO], rx_err[UART_FIFO]; /* a ring; errors of each byte, LSR bits */
    uint8_t rx_head, rx_count;
    uint8_t tx[UART_FIFO], tx_count; /* oldest first */
    bool overrun;                    /* LSR_OE */
    bool thre_pending;               /* the THRE interrupt, until IIR is read or THR written */
    bool timed_out;                  /* the receiver's time-out interrupt */
    struct dm_timer timeout;

    /* Derived */
    struct dm_timer tx_timer; /* UART_GATHER_NS, or UART_PATIENCE_NS while blocked */
    bool blocked;             /* the host took less than we offered: waiting for writable */
    bool stuck;               /* it never took it: bytes are dropped until writable */
    bool raised;              /* our part of the line */
    struct dm_irq line;       /* shared with the other UARTs on it: see uart_drive */

    /* Connections */
    struct dm_region region;
    struct dm_chardev *chr;
    char *index_text; /* index=, COM port less one */
    uint32_t iobase, irq;
};

static const uint16_t uart_iobase[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
static const uint8_t uart_irq[4] = { 4, 3, 4, 3 };

static unsigned uart_fifo_depth(const struct uart *u)
{
    return u->fcr & FCR_ENABLE ? UART_FIFO : 1;
}

/* Bytes in the receiver that raise the interrupt. DS 8.5, bits 6 and 7. */
static unsigned uart_rx_trigger(const struct uart *u)
{
    static const uint8_t level[4] = { 1, 4, 8, 14 };

    return u->fcr & FCR_ENABLE ? level[u->fcr >> 6] : 1;
}

/* Baud rate. Divisor 0 stops a real UART's clock: we take it as 1 (CVE-2016-8669). */
static unsigned uart_baud(const struct uart *u)
{
    return UART_CLOCK / (u->divisor ? u->divisor : 1);
}

/* Bits of one character on the wire, start and stop included. DS 8.1. */
static unsigned uart_frame_bits(const struct uart *u)
{
    return 1 + 5 + (u->lcr & LCR_WORD) + (u->lcr & LCR_PARITY ? 1 : 0) +
           (u->lcr & LCR_STOP ? 2 : 1);
}

static void uart_set_host_line(struct uart *u)
{
    char parity = 'N';

    if (!u->chr || !u->chr->ops->set_line)
        return;
    if (u->lcr & LCR_PARITY)
        parity = u->lcr & LCR_EVEN ? 'E' : 'O';
    u->chr->ops->set_line(u->chr, uart_baud(u), 5 + (u->lcr & LCR_WORD), parity,
                          u->lcr & LCR_STOP ? 2 : 1);
}

/* Errors of the byte the guest would read now. */
static uint8_t uart_rx_errors(const struct uart *u)
{
    return u->rx_count ? u->rx_err[u->rx_head] : 0;
}

static uint8_t uart_lsr(const struct uart *u)
{
    uint8_t lsr = uart_rx_errors(u);

    if (u->rx_count)
        lsr |= LSR_DR;
    if (u->overrun)
        lsr |= LSR_OE;
    if (!u->tx_count)
        lsr |= LSR_THRE | LSR_TEMT;
    for (unsigned i = 0; u->fcr & FCR_ENABLE && i < u->rx_count; i++)
        if (u->rx_err[(u->rx_head + i) % UART_FIFO])
            lsr |= LSR_RXFIFO;
    return lsr;
}

/* The interrupt of highest priority. DS 8.6, table V. */
static uint8_t uart_iir(const struct uart *u)
{
    if (u->ier & IER_RLS && (u->overrun || uart_rx_errors(u)))
        return IIR_RLS;
    if (u->ier & IER_RDA && u->rx_count >= uart_rx_trigger(u))
        return IIR_RDA;
    if (u->ier & IER_RDA && u->timed_out)
        return IIR_TIMEOUT;
    if (u->ier & IER_THRE && u->thre_pending)
        return IIR_THRE;
    if (u->ier & IER_MS && u->msr & (MSR_DCTS | MSR_DDSR | MSR_TERI | MSR_DDCD))
        return IIR_MS;
    return IIR_NONE;
}

/*
 * COM1 and COM3, COM2 and COM4 are on one line each, which is up while any of
 * them wants it. Each has a dm_irq of the line; all are kept at the line's level.
 */
static void uart_drive(struct uart *u, bool force)
{
    struct dm_machine *m = u->dev.machine;
    struct dm_device *d = NULL;
    bool level = u->raised;

    while ((d = dm_device_of_class(m, &uart16550_class, d)))
        if (((struct uart *)d)->irq == u->irq)
            level |= ((struct uart *)d)->raised;
    if (force)
        dm_irq_force(&u->line, level);
    else
        dm_irq_set(&u->line, level);
    while ((d = dm_device_of_class(m, &uart16550_class, d)))
        if (((struct uart *)d)->irq == u->irq)
            ((struct uart *)d)->line.level = level;
}

static void uart_update_irq(struct uart *u)
{
    bool level = uart_iir(u) != IIR_NONE;

    if (level == u->raised)
        return;
    u->raised = level;
    uart_drive(u, false);
}

/* The time-out of four characters begins anew. DS 8.11 B. */
static void uart_restart_timeout(struct uart *u)
{
    u->timed_out = false;
    if (u->fcr & FCR_ENABLE && u->rx_count)
        dm_timer_arm(&u->timeout, dm_clock_now(u->dev.machine->clock) +
                                      4 * uart_frame_bits(u) * DM_NS_PER_SEC / uart_baud(u));
    else
        dm_timer_cancel(&u->timeout);
}

static void uart_timed_out(void *opaque)
{
    struct uart *u = opaque;

    u->timed_out = u->rx_count != 0;
    uart_update_irq(u);
}

static void uart_rx_push(struct uart *u, uint8_t byte, uint8_t errors)
{
    if (u->rx_count >= uart_fifo_depth(u)) {
        u->overrun = true;
        if (u->fcr & FCR_ENABLE) /* DS 8.4: the FIFO keeps its bytes, the new one is lost */
            return;
        u->rx_count = 0;
    }
    u->rx[(u->rx_head + u->rx_count) % UART_FIFO] = byte;
    u->rx_err[(u->rx_head + u->rx_count) % UART_FIFO] = errors;
    u->rx_count++;
}

static void uart_rx_reset(struct uart *u)
{
    u->rx_head = u->rx_count = 0;
    uart_restart_timeout(u);
}

static uint8_t uart_rx_pop(struct uart *u)
{
    uint8_t byte = u->rx[u->rx_head]; /* an empty receiver gives the last byte again */

    if (!u->rx_count)
        return u->rx[(u->rx_head + UART_FIFO - 1) % UART_FIFO];
    u->rx_head = (u->rx_head + 1) % UART_FIFO;
    u->rx_count--;
    uart_restart_timeout(u);
    uart_update_irq(u);
    return byte;
}

/* The transmitter has nothing left. DS 8.6: the interrupt, if it had something. */
static void uart_tx_empty(struct uart *u)
{
    u->tx_count = 0;
    u->blocked = false;
    u->thre_pending = true;
    dm_timer_cancel(&u->tx_timer);
}

static void uart_tx_loop(struct uart *u)
{
    uint8_t count = u->tx_count;

    for (unsigned i = 0; i < count; i++)
        uart_rx_push(u, u->tx[i] & (uint8_t)(0xff >> (3 - (u->lcr & LCR_WORD))), 0);
    uart_tx_empty(u);
    uart_restart_timeout(u);
    uart_update_irq(u);
}

/* Gives the host what it takes. What it does not take stays in the FIFO. */
static void uart_tx_flush(struct uart *u)
{
    size_t n;

    if (!u->tx_count || u->blocked)
        return;
    if (u->mcr & MCR_LOOP) {
        uart_tx_loop(u);
        return;
    }
    n = dm_chardev_write(u->chr, u->tx, u->tx_count);
    if (n < u->tx_count && !u->stuck) {
        u->tx_count = (uint8_t)(u->tx_count - n);
        memmove(u->tx, u->tx + n, u->tx_count);
        u->blocked = true;
        dm_timer_arm(&u->tx_timer, dm_clock_now(u->dev.machine->clock) + UART_PATIENCE_NS);
        return;
    }
    uart_tx_empty(u);
    uart_update_irq(u);
}

static void uart_tx_timer(void *opaque)
{
    struct uart *u = opaque;

    if (u->blocked) {
        u->stuck = true;
        u->blocked = false;
    }
    uart_tx_flush(u);
}

static void uart_tx_push(struct uart *u, uint8_t byte)
{
    if (u->tx_count >= uart_fifo_depth(u))
        uart_tx_flush(u);
    u->thre_pending = false;
    if (u->tx_count >= uart_fifo_depth(u)) {
        /* Full: the FIFO loses the new byte, a lone THR the old one. */
        if (!(u->fcr & FCR_ENABLE))
            u->tx[0] = byte;
    } else {
        u->tx[u->tx_count++] = byte;
        if (u->tx_count == 1 && !u->blocked)
            dm_timer_arm(&u->tx_timer, dm_clock_now(u->dev.machine->clock) + UART_GATHER_NS);
    }
    uart_update_irq(u);
}

/* Modem inputs follow; deltas stay until MSR is read. DS 8.9, and 8.8 for loopback. */
static void uart_update_modem(struct uart *u)
{
    uint8_t now = MSR_DCD | MSR_DSR | MSR_CTS, changed;

    if (u->mcr & MCR_LOOP)
        now = (uint8_t)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
                        (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
    changed = (u->msr ^ now) & (MSR_CTS | MSR_DSR | MSR_DCD);
    if (u->msr & ~now & MSR_RI)
        changed |= MSR_RI;
    u->msr = now | (u->msr & 0x0f) | changed >> 4;
    uart_update_irq(u);
}

static void uart_write_ier(struct uart *u, uint8_t val)
{
    if ((u->ier ^ val) & IER_THRE)
        u->thre_pending = val & IER_THRE && !u->tx_count;
    u->ier = val & IER_MASK;
    uart_update_irq(u);
}

static void uart_write_fcr(struct uart *u, uint8_t val)
{
    bool toggled = (u->fcr ^ val) & FCR_ENABLE;

    /* DS 8.5: with bit 0 clear the others are not programmed. */
    if (!(val & FCR_ENABLE))
        val = 0;
    u->fcr = val & FCR_KEPT;
    if ((toggled || val & FCR_RESET_TX) && u->tx_count)
        uart_tx_empty(u);
    if (toggled || val & FCR_RESET_RX) {
        uart_rx_reset(u);
        dm_chardev_accept_input(u->chr);
    }
    uart_update_irq(u);
}

static void uart_write_lcr(struct uart *u, uint8_t val)
{
    bool line = (u->lcr ^ val) & ~LCR_BREAK;
    bool broke = val & ~u->lcr & LCR_BREAK;

    u->lcr = val;
    if (line && !(val & LCR_DLAB))
        uart_set_host_line(u);
    if (broke && u->mcr & MCR_LOOP) {
        uart_rx_push(u, 0, LSR_BI);
        uart_restart_timeout(u);
        uart_update_irq(u);
    }
}

static void uart_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct uart *u = opaque;
    uint8_t byte = (uint8_t)val;
    bool dlab = u->lcr & LCR_DLAB;

    (void)size;
    if (off == UART_DATA && !dlab) {
        uart_tx_push(u, byte);
        return;
    }
    uart_tx_flush(u);
    switch (off) {
    case UART_DATA:
        u->divisor = (uint16_t)((u->divisor & 0xff00) | byte);
        break;
    case UART_IER:
        if (dlab)
            u->divisor = (uint16_t)((u->divisor & 0xff) | byte << 8);
        else
            uart_write_ier(u, byte);
        break;
    case UART_IIR:
        uart_write_fcr(u, byte);
        break;
    case UART_LCR:
        uart_write_lcr(u, byte);
        break;
    case UART_MCR:
        u->mcr = byte & MCR_MASK;
        uart_update_modem(u);
        dm_chardev_accept_input(u->chr); /* loopback may be over */
        break;
    case UART_SCR:
        u->scr = byte;
        break;
    default: /* LSR is for the factory's test, MSR read-only: DS 8.4, 8.9 */
        break;
    }
}

static uint8_t uart_read_data(struct uart *u)
{
    uint8_t byte = uart_rx_pop(u);

    if (u->rx_count <= uart_fifo_depth(u) / 2)
        dm_chardev_accept_input(u->chr);
    return byte;
}

static uint8_t uart_read_iir(struct uart *u)
{
    uint8_t iir = uart_iir(u);

    if (iir == IIR_THRE)
        u->thre_pending = false;
    uart_update_irq(u);
    return iir | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t uart_read_lsr(struct uart *u)
{
    uint8_t lsr = uart_lsr(u);

    if (lsr & LSR_ERRORS) {
        u->overrun = false;
        u->rx_err[u->rx_head] = 0;
        uart_update_irq(u);
    }
    return lsr;
}

static uint8_t uart_read_msr(struct uart *u)
{
    uint8_t msr = u->msr;

    u->msr &= 0xf0;
    uart_update_irq(u);
    return msr;
}

static uint64_t uart_read(void *opaque, uint64_t off, unsigned size)
{
    struct uart *u = opaque;
    bool dlab = u->lcr & LCR_DLAB;

    (void)size;
    uart_tx_flush(u);
    switch (off) {
    case UART_DATA:
        return dlab ? u->divisor & 0xff : uart_read_data(u);
    case UART_IER:
        return dlab ? u->divisor >> 8 : u->ier;
    case UART_IIR:
        return uart_read_iir(u);
    case UART_LCR:
        return u->lcr;
    case UART_MCR:
        return u->mcr;
    case UART_LSR:
        return uart_read_lsr(u);
    case UART_MSR:
        return uart_read_msr(u);
    default:
        return u->scr;
    }
}

static const struct dm_region_ops uart_ops = {
    .read = uart_read, .write = uart_write, .min = 1, .max = 1
};

static size_t uart_host_room(void *opaque)
{
    struct uart *u = opaque;

    /* In loopback the line's input is disconnected: DS 8.8. Bytes wait on the host. */
    return u->mcr & MCR_LOOP ? 0 : uart_fifo_depth(u) - u->rx_count;
}

static void uart_host_receive(void *opaque, const uint8_t *data, size_t len)
{
    struct uart *u = opaque;

    for (size_t i = 0; i < len; i++)
        uart_rx_push(u, data[i], 0);
    uart_restart_timeout(u);
    uart_update_irq(u);
}

static void uart_host_writable(void *opaque)
{
    struct uart *u = opaque;

    u->stuck = false;
    u->blocked = false;
    uart_tx_flush(u);
}

static const struct dm_chardev_user uart_user = {
    .room = uart_host_room,
    .receive = uart_host_receive,
    .writable = uart_host_writable,
};

/* Also after a load that was refused: no register is to be trusted here. */
static void uart_reset(struct dm_device *dev)
{
    struct uart *u = (struct uart *)dev;

    u->ier = u->fcr = u->lcr = u->mcr = u->scr = 0;
    u->msr = MSR_DCD | MSR_DSR | MSR_CTS;
    u->divisor = UART_DIV_RESET;
    u->overrun = false;
    memset(u->rx, 0, sizeof(u->rx));
    memset(u->rx_err, 0, sizeof(u->rx_err));
    uart_rx_reset(u);
    memset(u->tx, 0, sizeof(u->tx));
    uart_tx_empty(u);
    u->thre_pending = false;
    uart_update_irq(u);
    dm_chardev_accept_input(u->chr);
}

/* Which COM port it is: index=, or the first whose ports are free. */
static int uart_choose_port(struct uart *u, struct dm_error *err)
{
    struct dm_space *io = &u->dev.machine->io;
    uint64_t index = 0;

    if (u->index_text) {
        if (dm_parse_uint(u->index_text, 3, &index))
            return dm_error_set(err, EINVAL, "device '%s': index '%s' is not 0 to 3", u->dev.id,
                                u->index_text);
    } else {
        while (!u->iobase && index < 4 && dm_space_find(io, uart_iobase[index]))
            index++;
        if (index == 4)
            return dm_error_set(err, ENOSPC, "device '%s': all four COM ports are taken",
                                u->dev.id);
    }
    if (!u->iobase)
        u->iobase = uart_iobase[index];
    if (!u->irq)
        u->irq = uart_irq[index];
    if (u->iobase > 0x10000 - UART_PORTS)
        return dm_error_set(err, EINVAL, "device '%s': iobase %#x is beyond the I/O ports",
                            u->dev.id, u->iobase);
    if (u->irq > 15)
        return dm_error_set(err, EINVAL, "device '%s': irq %u is not 1 to 15", u->dev.id, u->irq);
    return 0;
}

static int uart_realize(struct dm_device *dev, struct dm_error *err)
{
    struct uart *u = (struct uart *)dev;
    struct dm_clock *clock = dev->machine->clock;
    int rc = uart_choose_port(u, err);

    if (rc)
        return rc;
    u->region = (struct dm_region) {
        .name = dev->class->name, .ops = &uart_ops, .opaque = u, .size = UART_PORTS
    };
    rc = dm_space_add(&dev->machine->io, &u->region, u->iobase);
    if (rc)
        return dm_error_set(err, -rc, "device '%s': I/O ports %#x: %s", dev->id, u->iobase,
                            strerror(-rc));
    dm_machine_isa_irq(dev->machine, &u->line, u->irq);
    dm_timer_init(&u->timeout, clock, uart_timed_out, u);
    dm_timer_init(&u->tx_timer, clock, uart_tx_timer, u);
    dm_chardev_set_user(u->chr, &uart_user, u);
    return 0;
}

static void uart_unrealize(struct dm_device *dev)
{
    struct uart *u = (struct uart *)dev;

    uart_tx_flush(u);
    dm_chardev_set_user(u->chr, NULL, NULL);
    dm_timer_cancel(&u->timeout);
    dm_timer_cancel(&u->tx_timer);
    u->raised = false;
    uart_drive(u, false);
    dm_space_remove(&u->region);
}

static void uart_quiesce(struct dm_device *dev)
{
    uart_tx_flush((struct uart *)dev);
}

static const struct dm_prop uart_props[] = {
    DM_PROP(struct uart, chr, DM_PROP_CHARDEV, "chardev"),
    DM_PROP(struct uart, index_text, DM_PROP_STR, "index"),
    DM_PROP(struct uart, iobase, DM_PROP_UINT, "iobase"),
    DM_PROP(struct uart, irq, DM_PROP_UINT, "irq"),
    DM_PROPS_END,
};

static const struct dm_field uart_fields[] = {
    DM_UINT(struct uart, ier, 1),          DM_UINT(struct uart, fcr, 1),
    DM_UINT(struct uart, lcr, 1),          DM_UINT(struct uart, mcr, 1),
    DM_UINT(struct uart, msr, 1),          DM_UINT(struct uart, scr, 1),
    DM_UINT(struct uart, divisor, 1),      DM_BYTES(struct uart, rx, 1),
    DM_BYTES(struct uart, rx_err, 1),      DM_UINT(struct uart, rx_head, 1),
    DM_UINT(struct uart, rx_count, 1),     DM_BYTES(struct uart, tx, 1),
    DM_UINT(struct uart, tx_count, 1),     DM_BOOL(struct uart, overrun, 1),
    DM_BOOL(struct uart, thre_pending, 1), DM_BOOL(struct uart, timed_out, 1),
    DM_TIMER(struct uart, timeout, 1),     DM_FIELDS_END,
};

static int uart_post_load(struct dm_device *dev, uint16_t version)
{
    struct uart *u = (struct uart *)dev;

    (void)version;
    if (u->ier & ~IER_MASK || u->mcr & ~MCR_MASK || u->fcr & ~FCR_KEPT)
        return -EINVAL;
    if (u->rx_head >= UART_FIFO || u->rx_count > uart_fifo_depth(u) ||
        u->tx_count > uart_fifo_depth(u))
        return -EINVAL;
    for (unsigned i = 0; i < UART_FIFO; i++)
        if (u->rx_err[i] & ~LSR_ERRORS)
            return -EINVAL;
    u->blocked = u->stuck = false;
    dm_timer_arm(&u->tx_timer, u->tx_count ? dm_clock_now(dev->machine->clock) : DM_NEVER);
    u->raised = uart_iir(u) != IIR_NONE;
    uart_drive(u, true);
    uart_set_host_line(u);
    dm_chardev_accept_input(u->chr);
    return 0;
}

const struct dm_class uart16550_class = {
    .name = "isa-serial",
    .size = sizeof(struct uart),
    .version = 1,
    .props = uart_props,
    .realize = uart_realize,
    .unrealize = uart_unrealize,
    .reset = uart_reset,
    .fields = uart_fields,
    .post_load = uart_post_load,
    .quiesce = uart_quiesce,
};
