/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/vnc/keys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

/* Key codes of dm/input.h that are modifiers. */
enum { CODE_NUMLOCK = 69, CODE_LEFTSHIFT = 42, CODE_RIGHTSHIFT = 54, CODE_RIGHTALT = 100 };

/* Names of -k that are not XKB's own layout names. */
static const struct {
    const char *name, *layout, *variant;
} keys_names[] = {
    { "en-us", "us", "" },    { "en-gb", "gb", "" },   { "ar", "ara", "" },
    { "bepo", "fr", "bepo" }, { "cz", "cz", "" },      { "da", "dk", "" },
    { "de-ch", "ch", "de" },  { "et", "ee", "" },      { "fr-be", "be", "" },
    { "fr-ca", "ca", "fr" },  { "fr-ch", "ch", "fr" }, { "ja", "jp", "" },
    { "nl-be", "be", "" },    { "pt-br", "br", "" },   { "sl", "si", "" },
    { "sv", "se", "" },       { "no", "no", "" },      { "lt", "lt", "" },
};

/*
 * How usual a key is, lower first. XKB knows keys for parentheses alone, and on the key
 * that US keyboards have not (102ND) a '<' that guests take for something else: Shift
 * with a usual key goes before both.
 */
static int keys_rank(uint8_t code)
{
    return code <= 83 ? 0 : code <= 127 ? 1 : 2; /* main block and keypad; PC keys; others */
}

static int keys_entry_compare(const void *a, const void *b)
{
    const struct keys_entry *x = a, *y = b;

    if (x->keysym != y->keysym)
        return x->keysym < y->keysym ? -1 : 1;
    if (keys_rank(x->code) != keys_rank(y->code))
        return keys_rank(x->code) - keys_rank(y->code);
    /* Fewest modifiers first, then the lowest code: the main block before the keypad. */
    if (x->shift + 2 * x->altgr != y->shift + 2 * y->altgr)
        return x->shift + 2 * x->altgr - y->shift - 2 * y->altgr;
    return (int)x->code - (int)y->code;
}

static int keys_add(struct keys *k, struct keys_entry entry)
{
    if (k->count % 256 == 0) {
        struct keys_entry *bigger = realloc(k->entry, (k->count + 256) * sizeof(*k->entry));

        if (!bigger)
            return -ENOMEM;
        k->entry = bigger;
    }
    k->entry[k->count++] = entry;
    return 0;
}

/* Every keysym of the first layout, for the levels that Shift and AltGr reach. */
static int keys_fill(struct keys *k, struct xkb_keymap *map)
{
    for (xkb_keycode_t kc = xkb_keymap_min_keycode(map); kc <= xkb_keymap_max_keycode(map); kc++) {
        xkb_level_index_t levels = xkb_keymap_num_levels_for_key(map, kc, 0);

        if (kc < 8 + 1 || kc - 8 >= DM_KEY_MAX)
            continue;
        for (xkb_level_index_t level = 0; level < levels && level < 4; level++) {
            const xkb_keysym_t *syms;
            int n = xkb_keymap_key_get_syms_by_level(map, kc, 0, level, &syms);
            bool keypad = n > 0 && syms[0] >= XKB_KEY_KP_Space && syms[0] <= XKB_KEY_KP_Equal;

            /* The keypad's second level is Num Lock's, not Shift's. */
            for (int i = 0; i < n; i++)
                if (keys_add(k, (struct keys_entry) { .keysym = syms[i],
                                                      .code = (uint8_t)(kc - 8),
                                                      .shift = (level & 1) && !keypad,
                                                      .altgr = level & 2 }))
                    return -ENOMEM;
        }
    }
    qsort(k->entry, k->count, sizeof(*k->entry), keys_entry_compare);
    return k->count ? 0 : -EINVAL;
}

static void keys_no_log(struct xkb_context *ctx, enum xkb_log_level level, const char *format,
                        va_list args)
{
}

int keys_init(struct keys *k, const char *keymap, struct dm_error *err)
{
    struct xkb_rule_names names = { .rules = "evdev", .model = "pc105", .layout = keymap };
    struct xkb_context *ctx;
    struct xkb_keymap *map;
    int rc;

    *k = (struct keys) { 0 };
    for (size_t i = 0; i < sizeof(keys_names) / sizeof(keys_names[0]); i++) {
        if (!strcasecmp(keymap, keys_names[i].name)) {
            names.layout = keys_names[i].layout;
            names.variant = keys_names[i].variant;
        }
    }
    ctx = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES | XKB_CONTEXT_NO_DEFAULT_INCLUDES);
    if (!ctx)
        return dm_error_set(err, ENOMEM, "keymap '%s': out of memory", keymap);
    xkb_context_set_log_fn(ctx, keys_no_log); /* we say in one line what matters */
    if (!xkb_context_include_path_append_default(ctx)) {
        xkb_context_unref(ctx);
        return dm_error_set(err, ENOENT, "keymap '%s': no XKB data (package xkb-data)", keymap);
    }
    map = xkb_keymap_new_from_names(ctx, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
    rc = map ? keys_fill(k, map) : -EINVAL;
    xkb_keymap_unref(map);
    xkb_context_unref(ctx);
    if (rc) {
        keys_finish(k);
        return dm_error_set(err, -rc, "keymap '%s': %s", keymap,
                            rc == -ENOMEM ? "out of memory" : "no such keyboard layout");
    }
    return 0;
}

void keys_finish(struct keys *k)
{
    free(k->entry);
    *k = (struct keys) { 0 };
}

void keys_reset(struct keys *k)
{
    k->held_count = 0;
}

static const struct keys_entry *keys_find(const struct keys *k, uint32_t keysym)
{
    size_t lo = 0, hi = k->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (k->entry[mid].keysym < keysym)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < k->count && k->entry[lo].keysym == keysym ? &k->entry[lo] : NULL;
}

static bool keys_code_held(const struct keys *k, uint8_t code)
{
    for (size_t i = 0; i < k->held_count; i++)
        if (k->held[i].code == code)
            return true;
    return false;
}

static size_t keys_release(struct keys *k, uint32_t keysym, struct keys_event *ev)
{
    for (size_t i = 0; i < k->held_count; i++) {
        if (k->held[i].keysym == keysym) {
            *ev = (struct keys_event) { k->held[i].code, false };
            k->held[i] = k->held[--k->held_count];
            return 1;
        }
    }
    return 0;
}

static bool keys_is_letter(uint32_t keysym)
{
    return (keysym >= XKB_KEY_A && keysym <= XKB_KEY_Z) ||
           (keysym >= XKB_KEY_a && keysym <= XKB_KEY_z);
}

static bool keys_is_modifier(uint8_t code)
{
    return code == CODE_LEFTSHIFT || code == CODE_RIGHTSHIFT || code == CODE_RIGHTALT;
}

size_t keys_translate(struct keys *k, uint32_t keysym, bool down, unsigned leds,
                      struct keys_event ev[KEYS_EVENTS_MAX])
{
    const struct keys_entry *e = keys_find(k, keysym);
    bool shift, altgr, press_shift, press_altgr;
    size_t n = 0;

    if (!down)
        return keys_release(k, keysym, ev);
    if (!e)
        return 0;
    if (!keys_code_held(k, e->code) && k->held_count < KEYS_HELD_MAX) {
        k->held[k->held_count].keysym = keysym;
        k->held[k->held_count++].code = e->code;
    }
    if (keys_is_modifier(e->code)) {
        ev[n++] = (struct keys_event) { e->code, true };
        return n;
    }
    shift = keys_code_held(k, CODE_LEFTSHIFT) || keys_code_held(k, CODE_RIGHTSHIFT);
    if (keys_is_letter(keysym) && (leds & DM_LED_CAPS))
        shift = !shift;
    altgr = keys_code_held(k, CODE_RIGHTALT);
    press_shift = e->shift && !shift;
    press_altgr = e->altgr && !altgr;
    /* A keypad digit means nothing to a guest whose Num Lock is off. */
    if (keysym >= XKB_KEY_KP_0 && keysym <= XKB_KEY_KP_9 && !(leds & DM_LED_NUM)) {
        ev[n++] = (struct keys_event) { CODE_NUMLOCK, true };
        ev[n++] = (struct keys_event) { CODE_NUMLOCK, false };
    }
    if (press_shift)
        ev[n++] = (struct keys_event) { CODE_LEFTSHIFT, true };
    if (press_altgr)
        ev[n++] = (struct keys_event) { CODE_RIGHTALT, true };
    ev[n++] = (struct keys_event) { e->code, true };
    if (press_altgr)
        ev[n++] = (struct keys_event) { CODE_RIGHTALT, false };
    if (press_shift)
        ev[n++] = (struct keys_event) { CODE_LEFTSHIFT, false };
    return n;
}
