#include "io/terminal.h"

#ifdef FV_HAVE_CHAFA
#    include <chafa.h>

enum { CELL_WIDTH = 10, CELL_HEIGHT = 20 };

static ChafaTermInfo *detected(void)
{
    gchar **environment = g_get_environ();
    ChafaTermInfo *info = chafa_term_db_detect(chafa_term_db_get_default(), environment);
    g_strfreev(environment);
    return info;
}

int fv_terminal_has_pictures(void)
{
    return 1;
}

void fv_terminal_detect(fv_terminal *terminal)
{
    ChafaTermInfo *info = detected();
    terminal->protocol = FV_TERMINAL_SYMBOLS;
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1))
        terminal->protocol = FV_TERMINAL_KITTY;
    else if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_ITERM2_IMAGE))
        terminal->protocol = FV_TERMINAL_ITERM2;
    else if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_SIXELS))
        terminal->protocol = FV_TERMINAL_SIXEL;
    terminal->colours = FV_TERMINAL_16;
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_SET_COLOR_FGBG_DIRECT))
        terminal->colours = FV_TERMINAL_TRUE;
    else if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_SET_COLOR_FGBG_256))
        terminal->colours = FV_TERMINAL_256;
    chafa_term_info_unref(info);
}

/* Columns and rows that the picture takes: it fits, keeps its shape and is not enlarged beyond one pixel per
 * half block. */
static void place(int64_t width, int64_t height, const fv_terminal *t, int *columns, int *rows)
{
    double aspect = t->cell_width > 0 && t->cell_height > 0 ? (double)t->cell_height / t->cell_width : 2;
    double scale = 1, across = (double)t->columns / (double)width; /* columns per pixel */
    double down = (double)t->rows * aspect / (double)height;
    if (across < scale) scale = across;
    if (down < scale) scale = down;
    *columns = (int)((double)width * scale + 0.5);
    *rows = (int)((double)height * scale / aspect + 0.5);
    *columns = CLAMP(*columns, 1, t->columns);
    *rows = CLAMP(*rows, 1, t->rows);
}

static void set_symbols(ChafaCanvasConfig *config, int mono)
{
    ChafaSymbolMap *map = chafa_symbol_map_new();
    chafa_symbol_map_add_by_tags(map,
                                 CHAFA_SYMBOL_TAG_SPACE | CHAFA_SYMBOL_TAG_SOLID | CHAFA_SYMBOL_TAG_VHALF);
    if (mono) chafa_symbol_map_add_by_tags(map, CHAFA_SYMBOL_TAG_QUAD | CHAFA_SYMBOL_TAG_STIPPLE);
    chafa_canvas_config_set_symbol_map(config, map);
    chafa_symbol_map_unref(map);
}

static ChafaCanvas *new_canvas(const fv_tensor *picture, const fv_terminal *t)
{
    static const ChafaPixelMode modes[] = {CHAFA_PIXEL_MODE_SYMBOLS, CHAFA_PIXEL_MODE_SIXELS,
                                           CHAFA_PIXEL_MODE_KITTY, CHAFA_PIXEL_MODE_ITERM2};
    static const ChafaCanvasMode colours[] = {CHAFA_CANVAS_MODE_FGBG, CHAFA_CANVAS_MODE_INDEXED_16,
                                              CHAFA_CANVAS_MODE_INDEXED_240, CHAFA_CANVAS_MODE_TRUECOLOR};
    int columns, rows, symbols = t->protocol == FV_TERMINAL_SYMBOLS;
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    place(picture->shape.dim[2], picture->shape.dim[1], t, &columns, &rows);
    chafa_canvas_config_set_geometry(config, columns, rows);
    chafa_canvas_config_set_cell_geometry(config, t->cell_width > 0 ? t->cell_width : CELL_WIDTH,
                                          t->cell_height > 0 ? t->cell_height : CELL_HEIGHT);
    chafa_canvas_config_set_pixel_mode(config, modes[t->protocol]);
    chafa_canvas_config_set_canvas_mode(config, symbols ? colours[t->colours] : CHAFA_CANVAS_MODE_TRUECOLOR);
    if (symbols && t->colours <= FV_TERMINAL_16)
        chafa_canvas_config_set_dither_mode(config, CHAFA_DITHER_MODE_ORDERED);
    set_symbols(config, t->colours == FV_TERMINAL_MONO);
    ChafaCanvas *canvas = chafa_canvas_new(config);
    chafa_canvas_config_unref(config);
    return canvas;
}

/* Bytes R G B of a picture; the sizes were checked. */
static void interleave(unsigned char *bytes, const fv_tensor *picture)
{
    size_t plane = picture->count / 3;
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < 3; c++) {
            float value = picture->data[c * plane + i];
            bytes[3 * i + c] = (unsigned char)(value >= 255 ? 255 : value > 0 ? value + 0.5F : 0);
        }
}

static fv_status draw(const fv_tensor *picture, const unsigned char *bytes, const fv_terminal *terminal,
                      fv_terminal_sink *sink, void *context, fv_error *err)
{
    int width = (int)picture->shape.dim[2], height = (int)picture->shape.dim[1];
    ChafaTermInfo *info = detected(), *all = chafa_term_db_get_fallback_info(chafa_term_db_get_default());
    ChafaCanvas *canvas = new_canvas(picture, terminal);
    chafa_term_info_supplement(info, all);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGB8, bytes, width, height, width * 3);
    GString *text = chafa_canvas_print(canvas, info);
    fv_status status = sink(context, text->str, text->len, err);
    g_string_free(text, TRUE);
    chafa_canvas_unref(canvas);
    chafa_term_info_unref(all);
    chafa_term_info_unref(info);
    return status;
}

fv_status fv_terminal_picture(const fv_tensor *picture, const fv_terminal *terminal, fv_terminal_sink *sink,
                              void *context, fv_error *err)
{
    const fv_shape *shape = &picture->shape;
    char text[FV_SHAPE_TEXT];
    if (shape->rank != 3 || shape->dim[0] != 3 || !picture->count || shape->dim[1] > 32767 ||
        shape->dim[2] > 32767)
        return fv_fail(err, FV_STATUS_SHAPE, "terminal: a picture is 3 x height x width, not %s",
                       fv_shape_text(shape, text));
    if (terminal->columns < 1 || terminal->rows < 1)
        return fv_fail(err, FV_STATUS_ARGUMENT, "terminal: no room for a picture in %d columns and %d rows",
                       terminal->columns, terminal->rows);
    unsigned char *bytes;
    FV_TRY(fv_calloc(&bytes, picture->count, 1, err));
    interleave(bytes, picture);
    fv_status status = draw(picture, bytes, terminal, sink, context, err);
    fv_free(bytes);
    return status;
}

#else

int fv_terminal_has_pictures(void)
{
    return 0;
}

void fv_terminal_detect(fv_terminal *terminal)
{
    terminal->protocol = FV_TERMINAL_SYMBOLS;
    terminal->colours = FV_TERMINAL_16;
}

fv_status fv_terminal_picture(const fv_tensor *picture, const fv_terminal *terminal, fv_terminal_sink *sink,
                              void *context, fv_error *err)
{
    (void)picture, (void)terminal, (void)sink, (void)context;
    return fv_fail(err, FV_STATUS_UNSUPPORTED,
                   "terminal: no pictures, built without libchafa (install libchafa-dev and libglib2.0-dev, "
                   "then make)");
}

#endif
