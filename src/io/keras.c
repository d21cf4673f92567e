#include "io/keras.h"

#include "base/alloc.h"
#include "io/file.h"
#include "io/hdf5.h"
#include "io/zip.h"

enum { TEXT_MOST = 64 << 20 };

/* The content of an entry with a NUL behind it; NULL when there is none and it is not needed. */
static fv_status read_entry(char **out, size_t *size, const fv_zip *zip, const char *name, int needed,
                            fv_error *err)
{
    *out = NULL;
    *size = 0;
    const fv_zip_entry *entry = fv_zip_find(zip, name);
    if (!entry && !needed) return FV_OK;
    if (!entry) return fv_fail(err, FV_STATUS_FORMAT, "a zip archive, but not of Keras (no %s in it)", name);
    FV_TRY(fv_calloc(out, entry->size + 1, 1, err));
    *size = entry->size;
    return fv_zip_read(*out, zip, entry, err);
}

static fv_status read_text(char **out, const fv_zip *zip, const char *name, int needed, fv_error *err)
{
    size_t size;
    const fv_zip_entry *entry = fv_zip_find(zip, name);
    if (entry && entry->size > TEXT_MOST)
        return fv_fail(err, FV_STATUS_FORMAT, "%s claims %zu bytes", name, entry->size);
    FV_TRY(read_entry(out, &size, zip, name, needed, err));
    return *out ? FV_OK : fv_strdup(out, "", err);
}

static fv_status read_weights(fv_safetensors **out, const fv_zip *zip, const char *path, fv_error *err)
{
    char *bytes;
    size_t size;
    fv_status status = read_entry(&bytes, &size, zip, "model.weights.h5", 1, err);
    if (status != FV_OK)
        fv_file_prefix(err, path, status);
    else
        status = fv_hdf5_open_bytes(out, bytes, size, path, err);
    fv_free(bytes);
    return status;
}

fv_status fv_keras_open(fv_keras *out, const char *path, fv_error *err)
{
    fv_status status;
    fv_file file = {0};
    fv_zip *zip = NULL;
    FV_TRY_GOTO(fv_file_map(&file, path, 0, err));
    status = fv_zip_parse(&zip, file.data, file.size, err);
    if (status == FV_OK) status = read_text(&out->config, zip, "config.json", 1, err);
    if (status == FV_OK) status = read_text(&out->metadata, zip, "metadata.json", 0, err);
    if (status == FV_OK)
        status = read_weights(&out->weights, zip, path, err);
    else
        fv_file_prefix(err, path, status);
done:
    fv_zip_close(zip);
    fv_file_close(&file);
    return status;
}

void fv_keras_close(fv_keras *keras)
{
    fv_safetensors_close(keras->weights);
    fv_free(keras->config);
    fv_free(keras->metadata);
    *keras = (fv_keras){0};
}
