/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VGA's picture: from registers and video memory to the surface. After [VGA]
 * "CRT controller", "Attribute controller" and [BOCHS]; see vga-regs.h.
 *
 * vga_refresh gathers all that decides what memory looks like into a struct
 * vga_view. While that stays the same only this is drawn: text cells that differ
 * from a copy of what is shown; in graphics, the lines in changed pages. Lines
 * are compared with the surface, which shows what was there, in tiles, so that
 * viewers hear only of pixels that differ.
 *
 * Missing: overscan, interlace, the second clock divider, blinking in graphics. Fonts
 * changed through BAR 0 in text mode show only when a register changes as well.
 */
#include "hw/display/vga.h"

#include <stdlib.h>

#define VGA_TEXT_CELLS    8192 /* of the copy; more are drawn line by line */
#define VGA_BLINK         (500 * DM_NS_PER_MS)
#define VGA_TILE          16 /* pixels */
#define VGA_TILE_WORDS    (DM_DISPLAY_MAX_WIDTH / VGA_TILE / 64)
#define VGA_RUNS          32 /* rectangles side by side; more become one */
#define VGA_LINE          (DM_DISPLAY_MAX_WIDTH + 64)

/* A text cell: character, attribute, and */
#define CELL_HIDDEN       0x10000u
#define CELL_CURSOR       0x20000u
#define CELL_CURSOR_START 18 /* 5 bits each */
#define CELL_CURSOR_END   23

enum vga_kind { VGA_BLANK, VGA_TEXT, VGA_GRAPHICS, VGA_LINEAR };
enum vga_shift { VGA_SHIFT_PLANES, VGA_SHIFT_CGA, VGA_SHIFT_256 };

/* All of it is compared byte by byte: no padding. */
struct vga_view {
    uint32_t kind;          /* enum vga_kind */
    uint32_t width, height; /* pixels */
    uint32_t start, pitch;  /* characters; LINEAR: bytes of VRAM */
    uint32_t pan;           /* pixels dropped at the left */
    uint32_t split_pan;     /* behind the line compare */
    /* LINEAR */
    uint32_t bpp;
    /* Others */
    uint32_t cols;            /* characters in a line */
    uint32_t dot;             /* pixels a dot is wide: 1 or 2 */
    uint32_t row_lines;       /* scan lines of a character row */
    uint32_t twice;           /* 1: every scan line comes twice */
    uint32_t preset;          /* first row scan */
    uint32_t compare;         /* line behind which address 0 starts */
    uint32_t mode, underline; /* CRTC registers */
    uint32_t shift;           /* enum vga_shift */
    /* Text */
    uint32_t char_dots; /* 8 or 9 */
    uint32_t attr_mode;
    uint32_t font[2]; /* plane addresses, by attribute bit 3 */
    uint32_t fonts;   /* generation of their contents */
    uint32_t palette[256];
};

struct vga_run {
    int x, w;
};

struct vga_screen {
    struct vga_view view;
    uint32_t cells[VGA_TEXT_CELLS];
    uint32_t line[VGA_LINE];
    /* Damage that was found but not reported yet */
    bool quiet; /* all is reported anyhow */
    uint64_t tiles[VGA_TILE_WORDS];
    int band, band_first, band_last; /* lines; band_first -1: none yet */
    struct dm_rect open[VGA_RUNS];   /* may grow downwards */
    int open_count;
};

/* Where a scan line starts. */
struct vga_scan {
    uint32_t at;  /* address counter */
    uint32_t row; /* row scan */
    uint32_t pan;
};

void vga_screen_free(struct vga *v)
{
    free(v->screen);
    v->screen = NULL;
}

/* --- Palette --- */

static uint32_t vga_dac_colour(const struct vga *v, unsigned index)
{
    const uint8_t *c = v->dac[index & v->dac_mask];
    uint32_t rgb = 0;

    for (unsigned i = 0; i < 3; i++) {
        unsigned val = c[i];

        if (!(v->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC))
            val = (val & 0x3f) << 2 | (val & 0x3f) >> 4;
        rgb = rgb << 8 | val;
    }
    return rgb;
}

/* [VGA] "Attribute controller": four bits become eight. */
static unsigned vga_attr_colour(const struct vga *v, unsigned pixel)
{
    unsigned select = v->attr[ATTR_COLOUR_SELECT], val = v->attr[pixel & v->attr[ATTR_PLANES]];

    if (v->attr[ATTR_MODE] & ATTR_MODE_P54)
        val = (val & 0x0f) | (select & 3) << 4;
    return val | (select >> 2 & 3) << 6;
}

static void vga_view_palette(const struct vga *v, struct vga_view *w)
{
    bool whole = w->kind == VGA_LINEAR ? w->bpp == 8 : w->shift == VGA_SHIFT_256;

    if (w->kind == VGA_LINEAR && w->bpp > 8)
        return;
    for (unsigned i = 0; i < (whole ? 256 : 16); i++)
        w->palette[i] = vga_dac_colour(v, whole ? i : vga_attr_colour(v, i));
}

/* --- View --- */

static void vga_view_linear(const struct vga *v, struct vga_view *w)
{
    const uint16_t *r = v->dispi;
    uint32_t x = r[DISPI_X_OFFSET];

    w->kind = VGA_LINEAR;
    w->width = r[DISPI_XRES];
    w->height = r[DISPI_YRES];
    w->bpp = r[DISPI_BPP];
    w->pitch = vga_dispi_stride(v);
    w->start = r[DISPI_Y_OFFSET] * w->pitch; /* within VRAM: dispi_fit */
    if (w->bpp == 4) {
        w->start += x / 8 * 4;
        w->pan = x % 8;
    } else {
        w->start += x * ((w->bpp + 7) / 8);
    }
}

/* Plane address of font n: [VGA] "Character Map Select Register". */
static uint32_t vga_font(unsigned n)
{
    return (n & 3) * 0x4000 + (n & 4 ? 0x2000 : 0);
}

static void vga_view_classic(const struct vga *v, struct vga_view *w)
{
    const uint8_t *cr = v->crtc;
    unsigned over = cr[CRTC_OVERFLOW], maps = v->seq[SEQ_FONT], pan = v->attr[ATTR_PAN];

    w->kind = v->gfx[GFX_MISC] & GFX_MISC_GRAPHICS ? VGA_GRAPHICS : VGA_TEXT;
    w->cols = cr[CRTC_H_DISPLAY_END] + 1u;
    w->dot = v->seq[SEQ_CLOCK] & SEQ_CLOCK_HALF ? 2 : 1;
    w->char_dots = 8;
    w->height = (cr[CRTC_V_DISPLAY_END] | (over & 0x02) << 7 | (over & 0x40) << 3) + 1u;
    w->compare = cr[CRTC_LINE_COMPARE] | (over & 0x10) << 4 | (cr[CRTC_MAX_SCAN] & 0x40u) << 3;
    w->row_lines = (cr[CRTC_MAX_SCAN] & 0x1f) + 1u;
    w->twice = cr[CRTC_MAX_SCAN] & CRTC_MAX_SCAN_DOUBLE ? 1 : 0;
    w->preset = cr[CRTC_PRESET_ROW] & 0x1f;
    w->start = cr[CRTC_START_HIGH] << 8 | cr[CRTC_START_LOW];
    w->start += cr[CRTC_PRESET_ROW] >> 5 & 3;
    w->pitch = cr[CRTC_OFFSET] * 2u;
    w->mode = cr[CRTC_MODE];
    w->underline = cr[CRTC_UNDERLINE];
    if (w->kind == VGA_TEXT) {
        w->char_dots = v->seq[SEQ_CLOCK] & SEQ_CLOCK_8DOT ? 8 : 9;
        w->attr_mode = v->attr[ATTR_MODE];
        w->font[0] = vga_font((maps & 3) | (maps >> 2 & 4));
        w->font[1] = vga_font((maps >> 2 & 3) | (maps >> 3 & 4));
        w->fonts = v->fonts;
    } else if (v->gfx[GFX_MODE] & GFX_MODE_SHIFT_256) {
        w->shift = VGA_SHIFT_256;
        pan &= 6; /* a pixel is two dots */
    } else if (v->gfx[GFX_MODE] & GFX_MODE_SHIFT_CGA) {
        w->shift = VGA_SHIFT_CGA;
    }
    if (w->char_dots == 9)
        pan = pan & 8 ? 0 : pan + 1;
    w->pan = (pan & 0x0f) % w->char_dots * w->dot;
    w->split_pan = v->attr[ATTR_MODE] & ATTR_MODE_PAN_TOP ? 0 : w->pan;
    w->width = w->cols * w->char_dots * w->dot;
}

/* While blank the screen keeps its size: guests blank it to set a mode. */
static void vga_view_make(const struct vga *v, struct vga_view *w)
{
    const struct dm_display *d = &v->pci.dev.machine->display;

    memset(w, 0, sizeof(*w));
    if (!(v->attr_index & ATTR_INDEX_PAS) || (v->seq[SEQ_CLOCK] & SEQ_CLOCK_OFF)) {
        w->width = (uint32_t)d->width;
        w->height = (uint32_t)d->height;
        return;
    }
    if (vga_dispi_enabled(v))
        vga_view_linear(v, w);
    else
        vga_view_classic(v, w);
    vga_view_palette(v, w);
}

/* [VGA] "CRT controller": from the address counter to the address in the planes. */
static uint32_t vga_crtc_address(const struct vga_view *w, uint32_t at, uint32_t row)
{
    uint32_t a;

    at &= 0xffff;
    if (w->underline & CRTC_UNDERLINE_DWORD)
        a = at << 2 | at >> 14;
    else if (w->mode & CRTC_MODE_BYTE)
        a = at;
    else
        a = at << 1 | (at >> (w->mode & CRTC_MODE_WRAP ? 15 : 13) & 1);
    if (!(w->mode & CRTC_MODE_NO_CGA))
        a = (a & ~0x2000u) | (row & 1) << 13;
    if (!(w->mode & CRTC_MODE_NO_HERCULES))
        a = (a & ~0x4000u) | (row & 2) << 13;
    return a & VGA_PLANE_MASK;
}

/* How many characters share an address: a shift. */
static unsigned vga_crtc_count(const struct vga_view *w)
{
    return w->underline & CRTC_UNDERLINE_COUNT4 ? 2 : w->mode & CRTC_MODE_COUNT2 ? 1 : 0;
}

static struct vga_scan vga_scan_at(const struct vga_view *w, uint32_t y)
{
    struct vga_scan s = { w->start, 0, w->pan };

    if (y > w->compare) {
        y = (y - w->compare - 1) >> w->twice;
        s.at = 0;
        s.pan = w->split_pan;
    } else {
        y = (y >> w->twice) + w->preset;
    }
    s.at += y / w->row_lines * w->pitch;
    s.row = y % w->row_lines;
    return s;
}

/* --- Damage --- */

static void vga_damage_emit(struct vga *v, const struct dm_rect *r)
{
    if (!v->screen->quiet)
        dm_display_damage(&v->pci.dev.machine->display, r);
}

static void vga_damage_end(struct vga *v)
{
    struct vga_screen *s = v->screen;

    for (int i = 0; i < s->open_count; i++)
        vga_damage_emit(v, &s->open[i]);
    s->open_count = 0;
}

/* Runs of a band of h lines, from left to right: they lengthen equal ones right above. */
static void vga_damage_band(struct vga *v, int y, int h, const struct vga_run *run, int count)
{
    struct vga_screen *s = v->screen;
    struct dm_rect next[VGA_RUNS];
    int o = 0;

    for (int i = 0; i < count; i++) {
        next[i] = (struct dm_rect) { run[i].x, y, run[i].w, h };
        while (o < s->open_count && s->open[o].x < run[i].x)
            vga_damage_emit(v, &s->open[o++]);
        if (o < s->open_count && s->open[o].x == run[i].x && s->open[o].w == run[i].w &&
            s->open[o].y + s->open[o].h == y) {
            next[i].y = s->open[o].y;
            next[i].h += s->open[o++].h;
        }
    }
    for (; o < s->open_count; o++)
        vga_damage_emit(v, &s->open[o]);
    memcpy(s->open, next, (size_t)count * sizeof(next[0]));
    s->open_count = count;
}

/* Adds [x, x + w) to runs; gap: how far from the last it may be to be joined to it. */
static void vga_run_add(struct vga_run *run, int *count, int x, int w, int gap)
{
    struct vga_run *last = &run[*count - 1];

    if (*count && (x - (last->x + last->w) <= gap || *count == VGA_RUNS))
        last->w = x + w - last->x;
    else
        run[(*count)++] = (struct vga_run) { x, w };
}

/* The band of tiles is complete. */
static void vga_tiles_end(struct vga *v)
{
    struct vga_screen *s = v->screen;
    struct vga_run run[VGA_RUNS];
    int count = 0, width = (int)s->view.width;

    if (s->band_first < 0)
        return;
    for (int t = 0; t * VGA_TILE < width; t++) {
        int x = t * VGA_TILE;

        if (s->tiles[t / 64] >> t % 64 & 1)
            vga_run_add(run, &count, x, width - x < VGA_TILE ? width - x : VGA_TILE, VGA_TILE);
    }
    vga_damage_band(v, s->band_first, s->band_last - s->band_first + 1, run, count);
    memset(s->tiles, 0, sizeof(s->tiles));
    s->band_first = -1;
}

/* Before a line is put on the surface. Lines come from top to bottom. Returns what it shows. */
static uint32_t *vga_line_shown(struct vga *v, int y)
{
    struct dm_surface *sf = &v->pci.dev.machine->display.surface;

    if (v->screen->band_first >= 0 && y / VGA_TILE != v->screen->band)
        vga_tiles_end(v);
    return sf->pixels + (size_t)y * (size_t)sf->width;
}

static void vga_tile_differs(struct vga_screen *s, int y, int t)
{
    s->tiles[t / 64] |= 1ull << t % 64;
    if (s->band_first < 0)
        s->band_first = y;
    s->band = y / VGA_TILE;
    s->band_last = y;
}

/* Puts a line on the surface, from pixel first on (a multiple of VGA_TILE), where it differs. */
static void vga_line_put_from(struct vga *v, int y, const uint32_t *line, int first)
{
    int width = v->pci.dev.machine->display.surface.width;
    uint32_t *shown = vga_line_shown(v, y);

    for (int x = first; x < width; x += VGA_TILE) {
        int n = width - x < VGA_TILE ? width - x : VGA_TILE;

        if (!memcmp(shown + x, line + x, (size_t)n * 4))
            continue;
        memcpy(shown + x, line + x, (size_t)n * 4);
        vga_tile_differs(v->screen, y, x / VGA_TILE);
    }
}

static void vga_line_put(struct vga *v, int y, const uint32_t *line)
{
    vga_line_put_from(v, y, line, 0);
}

/* --- Changed memory --- */

static size_t vga_dirty_words(const struct vga *v)
{
    return (v->vram_size / DM_PAGE_SIZE + 63) / 64;
}

/*
 * Takes what changed since the last time into v->pages, of the first bytes of VRAM at least.
 * The hypervisor looks at every page it is asked for, and starts anew when their number
 * changes: what is not shown is left out, and the number only grows (page flipping).
 * Returns whether anything did.
 */
static bool vga_dirty_take(struct vga *v, uint64_t bytes)
{
    struct dm_hypervisor *hv = v->pci.dev.machine->hv;
    size_t words = vga_dirty_words(v);
    uint64_t any = 0;

    memset(v->pages, 0, words * 8);
    if (bytes > v->vram_size)
        bytes = v->vram_size;
    bytes = (bytes + DM_PAGE_SIZE - 1) >> DM_PAGE_SHIFT;
    if (v->tracked < bytes)
        v->tracked = (uint32_t)bytes;
    /* In the VGA's own modes (no bytes) the guest draws through the window. */
    if (bytes && hv->ops->vram_dirty(hv, v->pages, v->tracked))
        memset(v->pages, 0xff, words * 8);
    for (size_t i = 0; i < words; i++)
        any |= v->pages[i] |= v->dirty[i];
    memset(v->dirty, 0, words * 8);
    return any;
}

/* Did bytes [first, last] of VRAM change? All of it when they are the wrong way round. */
static bool vga_dirty_test(const struct vga *v, uint32_t first, uint32_t last)
{
    if (last < first)
        return true;
    for (uint32_t p = first >> DM_PAGE_SHIFT; p <= last >> DM_PAGE_SHIFT; p++)
        if (v->pages[p / 64] >> p % 64 & 1)
            return true;
    return false;
}

/* --- Graphics --- */

/* Eight dots of the four planes. */
static uint32_t *vga_dots_planes(const uint32_t *palette, uint32_t d, unsigned dot, uint32_t *out)
{
    for (int b = 7; b >= 0; b--) {
        uint32_t p = d >> b;
        uint32_t c = palette[(p & 1) | (p >> 7 & 2) | (p >> 14 & 4) | (p >> 21 & 8)];

        *out++ = c;
        if (dot == 2)
            *out++ = c;
    }
    return out;
}

/* Four pixels of two bits in planes 0 (and 2, upper bits), then four in 1 (and 3). */
static uint32_t *vga_dots_cga(const uint32_t *palette, uint32_t d, unsigned dot, uint32_t *out)
{
    for (int i = 0; i < 8; i++) {
        uint32_t p = d >> (i / 4 * 8 + 6 - i % 4 * 2);
        uint32_t c = palette[(p & 3) | (p >> 14 & 0xc)];

        *out++ = c;
        if (dot == 2)
            *out++ = c;
    }
    return out;
}

/* A pixel of eight bits in each plane, two dots wide. */
static uint32_t *vga_dots_256(const uint32_t *palette, uint32_t d, unsigned dot, uint32_t *out)
{
    for (int i = 0; i < 4; i++, d >>= 8)
        for (unsigned n = 0; n < 2 * dot; n++)
            *out++ = palette[d & 0xff];
    return out;
}

static void vga_graphics_line(const struct vga *v, const struct vga_view *w,
                              const struct vga_scan *s, uint32_t *out)
{
    unsigned count = vga_crtc_count(w);

    for (uint32_t i = 0; i <= w->cols; i++) {
        uint32_t d = vga_planes(v, vga_crtc_address(w, s->at + (i >> count), s->row));

        if (w->shift == VGA_SHIFT_256)
            out = vga_dots_256(w->palette, d, w->dot, out);
        else if (w->shift == VGA_SHIFT_CGA)
            out = vga_dots_cga(w->palette, d, w->dot, out);
        else
            out = vga_dots_planes(w->palette, d, w->dot, out);
    }
}

static void vga_graphics(struct vga *v, bool changed)
{
    struct vga_screen *screen = v->screen;
    const struct vga_view *w = &screen->view;
    struct vga_scan s, last = { 0 };
    bool have = false;

    if (!vga_dirty_take(v, 0) && !changed)
        return;
    for (uint32_t y = 0; y < w->height; y++) {
        s = vga_scan_at(w, y);
        if (!changed && !vga_dirty_test(v, 4 * vga_crtc_address(w, s.at, s.row),
                                        4 * vga_crtc_address(w, s.at + w->cols, s.row) + 3))
            continue;
        if (!have || s.at != last.at || s.row != last.row)
            vga_graphics_line(v, w, &s, screen->line);
        have = true;
        last = s;
        vga_line_put(v, (int)y, screen->line + s.pan);
    }
    vga_tiles_end(v);
}

/* --- Linear frame buffer --- */

/* The upper bits of each colour fill its lower ones, so that all ones stay white. */
static uint32_t vga_rgb555(uint32_t p)
{
    return (p & 0x7c00) << 9 | (p & 0x7000) << 4 | (p & 0x03e0) << 6 | (p & 0x0380) << 1 |
           (p & 0x001f) << 3 | (p & 0x001c) >> 2;
}

static uint32_t vga_rgb565(uint32_t p)
{
    return (p & 0xf800) << 8 | (p & 0xe000) << 3 | (p & 0x07e0) << 5 | (p & 0x0600) >> 1 |
           (p & 0x001f) << 3 | (p & 0x001c) >> 2;
}

/* One line from VRAM; all of its bytes are there. */
static void vga_linear_line(const struct vga_view *w, const uint8_t *p, uint32_t *out)
{
    const uint32_t n = w->width;

    switch (w->bpp) {
    case 4:
        for (uint32_t x = 0; x < n + w->pan; x += 8, p += 4)
            out = vga_dots_planes(w->palette, vga_load32(p), 1, out);
        break;
    case 8:
        for (uint32_t x = 0; x < n; x++)
            out[x] = w->palette[p[x]];
        break;
    case 15:
        for (uint32_t x = 0; x < n; x++, p += 2)
            out[x] = vga_rgb555(p[0] | (uint32_t)p[1] << 8);
        break;
    case 16:
        for (uint32_t x = 0; x < n; x++, p += 2)
            out[x] = vga_rgb565(p[0] | (uint32_t)p[1] << 8);
        break;
    case 24:
        for (uint32_t x = 0; x < n; x++, p += 3)
            out[x] = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
        break;
    } /* 32: vga_linear_put32 */
}

/* Four at a time: compilers do not find that out for a tile that they unroll. */
typedef uint32_t vga_pixels __attribute__((vector_size(16)));

static vga_pixels vga_load_pixels(const uint8_t *p)
{
    vga_pixels v = { vga_load32(p), vga_load32(p + 4), vga_load32(p + 8), vga_load32(p + 12) };

    return v & 0xffffff;
}

/* A line of 32 bits a pixel: as vga_linear_line and vga_line_put, without a line in between. */
static void vga_linear_put32(struct vga *v, int y, const uint8_t *p)
{
    struct vga_screen *s = v->screen;
    uint32_t *shown = vga_line_shown(v, y);
    int whole = (int)s->view.width / VGA_TILE;

    for (int t = 0; t < whole; t++, p += VGA_TILE * 4, shown += VGA_TILE) {
        vga_pixels px[VGA_TILE / 4], old, differ = { 0 };
        uint64_t any[2];

        for (int i = 0; i < VGA_TILE / 4; i++) {
            px[i] = vga_load_pixels(p + 16 * i); /* once: the guest may be writing */
            memcpy(&old, shown + 4 * i, sizeof(old));
            differ |= px[i] ^ old;
        }
        memcpy(any, &differ, sizeof(any));
        if (!(any[0] | any[1]))
            continue;
        memcpy(shown, px, sizeof(px));
        vga_tile_differs(s, y, t);
    }
    for (int x = whole * VGA_TILE; x < (int)s->view.width; x++, p += 4)
        s->line[x] = vga_load32(p) & 0xffffff;
    vga_line_put_from(v, y, s->line, whole * VGA_TILE);
}

static void vga_linear(struct vga *v, bool changed)
{
    struct vga_screen *s = v->screen;
    const struct vga_view *w = &s->view;
    uint32_t bytes = w->bpp == 4 ? (w->width + w->pan + 7) / 8 * 4 : w->width * ((w->bpp + 7) / 8);

    if (!vga_dirty_take(v, w->start + (uint64_t)w->height * w->pitch) && !changed)
        return;
    for (uint32_t y = 0; y < w->height; y++) {
        uint64_t at = w->start + (uint64_t)y * w->pitch;

        if (!vga_reach(v, at + bytes)) {
            memset(s->line, 0, w->width * sizeof(s->line[0]));
            vga_line_put(v, (int)y, s->line);
            continue;
        }
        if (!changed && !vga_dirty_test(v, (uint32_t)at, (uint32_t)at + bytes - 1))
            continue;
        if (w->bpp == 32) {
            vga_linear_put32(v, (int)y, v->vram + at);
            continue;
        }
        vga_linear_line(w, v->vram + at, s->line);
        vga_line_put(v, (int)y, s->line + w->pan);
    }
    vga_tiles_end(v);
}

/* --- Text --- */

/* What blinks, and how it is now. */
struct vga_blinking {
    bool shown, any;
    uint32_t cursor;      /* address counter, or UINT32_MAX */
    uint32_t cursor_bits; /* of its cell */
};

static struct vga_blinking vga_blinking_now(const struct vga *v, const struct vga_view *w)
{
    uint64_t now = dm_clock_now(v->pci.dev.machine->clock);
    uint8_t start = v->crtc[CRTC_CURSOR_START], end = v->crtc[CRTC_CURSOR_END];
    struct vga_blinking b = { .shown = now / VGA_BLINK % 2 == 0, .cursor = UINT32_MAX };

    if ((start & CRTC_CURSOR_START_OFF) || (start & 0x1f) > (end & 0x1f) ||
        (start & 0x1fu) >= w->row_lines)
        return b;
    b.cursor = v->crtc[CRTC_CURSOR_HIGH] << 8 | v->crtc[CRTC_CURSOR_LOW];
    b.cursor = (b.cursor + (end >> 5 & 3)) & 0xffff; /* skew */
    b.cursor_bits =
        CELL_CURSOR | (start & 0x1fu) << CELL_CURSOR_START | (end & 0x1fu) << CELL_CURSOR_END;
    return b;
}

static uint32_t vga_cell(const struct vga *v, const struct vga_view *w, struct vga_blinking *b,
                         uint32_t at, uint32_t row)
{
    uint32_t cell = vga_planes(v, vga_crtc_address(w, at, row)) & 0xffff;

    if ((cell & 0x8000) && (w->attr_mode & ATTR_MODE_BLINK)) {
        b->any = true;
        cell |= b->shown ? 0 : CELL_HIDDEN;
    }
    if ((at & 0xffff) == b->cursor) {
        b->any = true;
        cell |= b->shown ? b->cursor_bits : 0;
    }
    return cell;
}

/* One scan line of a cell: [VGA] "Alphanumeric modes". */
static uint32_t *vga_cell_line(const struct vga *v, const struct vga_view *w, uint32_t cell,
                               uint32_t row, uint32_t *out)
{
    unsigned ch = cell & 0xff, attr = cell >> 8 & 0xff;
    uint32_t fg = w->palette[attr & 15];
    uint32_t bg = w->palette[attr >> 4 & (w->attr_mode & ATTR_MODE_BLINK ? 7 : 15)];
    uint32_t glyph = (w->font[attr >> 3 & 1] + ch * 32 + row) & VGA_PLANE_MASK;
    unsigned dots = (unsigned)v->vram[4 * (size_t)glyph + 2] << 1; /* bit 0: the ninth */

    if (ch >= 0xc0 && ch <= 0xdf && (w->attr_mode & ATTR_MODE_LINE))
        dots |= dots >> 1 & 1;
    if ((attr & 0x77) == 1 && row == (w->underline & 0x1f))
        dots = 0x1ff;
    if (cell & CELL_HIDDEN)
        dots = 0;
    if ((cell & CELL_CURSOR) && row >= (cell >> CELL_CURSOR_START & 0x1f) &&
        row <= (cell >> CELL_CURSOR_END & 0x1f))
        dots = 0x1ff;
    for (unsigned i = 0; i < w->char_dots; i++, dots <<= 1) {
        *out++ = dots & 0x100 ? fg : bg;
        if (w->dot == 2)
            *out++ = dots & 0x100 ? fg : bg;
    }
    return out;
}

/* Can the screen be drawn cell by cell? Else something cuts cells, or it is odd. */
static bool vga_text_plain(const struct vga_view *w)
{
    uint32_t rows = w->height / (w->row_lines << w->twice) + 1;

    return !w->pan && !w->preset && w->compare >= w->height - 1 && (w->mode & CRTC_MODE_NO_CGA) &&
           (w->mode & CRTC_MODE_NO_HERCULES) && rows * w->cols <= VGA_TEXT_CELLS;
}

static void vga_text_lines(struct vga *v, struct vga_blinking *b)
{
    struct vga_screen *screen = v->screen;
    const struct vga_view *w = &screen->view;
    unsigned count = vga_crtc_count(w);

    for (uint32_t y = 0; y < w->height; y++) {
        struct vga_scan s = vga_scan_at(w, y);
        uint32_t *out = screen->line;

        for (uint32_t i = 0; i <= w->cols; i++)
            out = vga_cell_line(v, w, vga_cell(v, w, b, s.at + (i >> count), s.row), s.row, out);
        vga_line_put(v, (int)y, screen->line + s.pan);
    }
    vga_tiles_end(v);
}

static void vga_cell_draw(struct vga *v, uint32_t cell, uint32_t x, uint32_t y, uint32_t h)
{
    const struct vga_view *w = &v->screen->view;
    struct dm_surface *sf = &v->pci.dev.machine->display.surface;

    for (uint32_t i = 0; i < h; i++)
        vga_cell_line(v, w, cell, i >> w->twice,
                      sf->pixels + (size_t)(y + i) * (size_t)sf->width + x);
}

static void vga_text_cells(struct vga *v, struct vga_blinking *b, bool changed)
{
    struct vga_screen *s = v->screen;
    const struct vga_view *w = &s->view;
    uint32_t cw = w->char_dots * w->dot, rh = w->row_lines << w->twice, *shown = s->cells;
    unsigned shift = vga_crtc_count(w);

    for (uint32_t y = 0, row = 0; y < w->height; y += rh, row++) {
        uint32_t h = w->height - y < rh ? w->height - y : rh;
        struct vga_run run[VGA_RUNS];
        int count = 0;

        for (uint32_t col = 0; col < w->cols; col++, shown++) {
            uint32_t cell = vga_cell(v, w, b, w->start + row * w->pitch + (col >> shift), 0);

            if (cell == *shown && !changed)
                continue;
            *shown = cell;
            vga_cell_draw(v, cell, col * cw, y, h);
            vga_run_add(run, &count, (int)(col * cw), (int)cw, (int)cw);
        }
        vga_damage_band(v, (int)y, (int)h, run, count);
    }
}

static void vga_text(struct vga *v, bool changed)
{
    const struct vga_view *w = &v->screen->view;
    struct vga_blinking b = vga_blinking_now(v, w);
    uint64_t now = dm_clock_now(v->pci.dev.machine->clock);

    if (vga_text_plain(w))
        vga_text_cells(v, &b, changed);
    else
        vga_text_lines(v, &b);
    if (b.any)
        dm_timer_arm(&v->blink, (now / VGA_BLINK + 1) * VGA_BLINK);
    else
        dm_timer_cancel(&v->blink);
}

/* --- All --- */

/* A new screen, or a changed view: then everything is drawn, but only all is reported whole. */
void vga_refresh(void *opaque, bool all)
{
    struct vga *v = opaque;
    struct dm_display *d = &v->pci.dev.machine->display;
    struct dm_surface *sf = &d->surface;
    struct vga_screen *s = v->screen;
    struct vga_view w;
    bool changed;

    if (!s)
        s = v->screen = calloc(1, sizeof(*s));
    if (!s)
        return;
    vga_view_make(v, &w);
    if ((int)w.width != d->width || (int)w.height != d->height) {
        dm_display_resize(d, (int)w.width, (int)w.height);
        all = true;
    }
    if (!sf->pixels || sf->width != (int)w.width || sf->height != (int)w.height)
        return;
    changed = all || memcmp(&w, &s->view, sizeof(w));
    s->view = w;
    s->quiet = all;
    s->band_first = -1;
    dm_display_set_polled(d, w.kind == VGA_LINEAR);
    if (w.kind != VGA_TEXT)
        dm_timer_cancel(&v->blink);
    switch (w.kind) {
    case VGA_TEXT:
        vga_text(v, changed);
        break;
    case VGA_GRAPHICS:
        vga_graphics(v, changed);
        break;
    case VGA_LINEAR:
        vga_linear(v, changed);
        break;
    default:
        all = changed;
        if (all)
            memset(sf->pixels, 0, (size_t)sf->width * (size_t)sf->height * 4);
        break;
    }
    vga_damage_end(v);
    s->quiet = false;
    if (all)
        dm_display_damage(d, &(struct dm_rect) { 0, 0, sf->width, sf->height });
}
