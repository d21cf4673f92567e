#include "io/torch.h"

#include "base/alloc.h"
#include "io/file.h"
#include <stdio.h>
#include <string.h>

/* A file may hold tensors of this multiple of its size (as float32), so that views of one storage, or strides
 * of 0, do not ask for much. */
enum { GROWTH = 4, GROWTH_BASE = 1 << 24 };

static fv_status run(fv_torch *torch, fv_pickle *pickle, const uint8_t *data, size_t size, size_t *used,
                     fv_error *err)
{
    fv_pickle_caller caller = fv_torch_caller;
    caller.context = torch;
    return fv_pickle_run(pickle, data, size, used, &caller, err);
}

/* --- archives --- */

static fv_status not_torch(const fv_zip *zip, fv_error *err)
{
    for (size_t i = 0; i < zip->count; i++) {
        const char *slash = strchr(zip->entries[i].name, '/');
        if (slash && strncmp(slash, "/code/", 6) == 0)
            return fv_fail(
                err, FV_STATUS_UNSUPPORTED,
                "a TorchScript archive, which holds code; its weights can be read after, in Python: "
                "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')");
    }
    return fv_fail(err, FV_STATUS_FORMAT, "a zip archive, but not of PyTorch (it has no data.pkl)");
}

/* FOLDER/data.pkl; the folder is named after the file it was first saved to. */
static fv_status find_folder(char **folder, const fv_zip *zip, fv_error *err)
{
    char name[FV_ERROR_TEXT];
    for (size_t i = 0; i < zip->count; i++) {
        const char *entry = zip->entries[i].name, *slash = strchr(entry, '/');
        if (!slash || strcmp(slash, "/data.pkl") != 0) continue;
        size_t n = (size_t)(slash - entry) + 1;
        if (n > sizeof name - 32) continue;
        snprintf(name, sizeof name, "%.*sconstants.pkl", (int)n, entry);
        if (fv_zip_find(zip, name)) break;
        FV_TRY(fv_strdup(folder, entry, err));
        (*folder)[n] = '\0';
        return FV_OK;
    }
    return not_torch(zip, err);
}

static fv_status check_byte_order(const fv_torch *torch, const char *folder, fv_error *err)
{
    char name[FV_ERROR_TEXT], text[16] = "";
    snprintf(name, sizeof name, "%sbyteorder", folder);
    const fv_zip_entry *entry = fv_zip_find(torch->zip, name);
    if (!entry) return FV_OK;
    if (entry->size < sizeof text) FV_TRY(fv_zip_read(text, torch->zip, entry, err));
    if (strcmp(text, "little") == 0) return FV_OK;
    return fv_fail(err, FV_STATUS_UNSUPPORTED, "its byte order is '%s'; little-endian files are read",
                   strcmp(text, "big") == 0 ? text : "unknown");
}

static fv_status read_content(fv_torch *torch, const char *folder, fv_error *err)
{
    char name[FV_ERROR_TEXT];
    size_t used;
    snprintf(name, sizeof name, "%sdata.pkl", folder);
    const fv_zip_entry *entry = fv_zip_find(torch->zip, name);
    FV_TRY(fv_calloc(&torch->content, entry->size, 1, err));
    FV_TRY(fv_zip_read(torch->content, torch->zip, entry, err));
    return run(torch, &torch->pickle, torch->content, entry->size, &used, err);
}

static fv_status open_archive(fv_torch *torch, const void *data, size_t size, fv_error *err)
{
    fv_status status;
    char *folder = NULL;
    FV_TRY_GOTO(fv_zip_parse(&torch->zip, data, size, err));
    FV_TRY_GOTO(find_folder(&folder, torch->zip, err));
    FV_TRY_GOTO(check_byte_order(torch, folder, err));
    FV_TRY_GOTO(read_content(torch, folder, err));
    FV_TRY_GOTO(fv_torch_find_entries(torch, folder, err));
done:
    fv_free(folder);
    return status;
}

/* --- the stream of old versions: magic number, version, system, content, keys of the storages, storages ---
 */

static int is_magic(const fv_pickle_value *value)
{
    static const char magic[] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    return value->kind == FV_PICKLE_LONG && value->as.text.size == sizeof magic - 1 &&
           memcmp(value->as.text.bytes, magic, sizeof magic - 1) == 0;
}

static fv_status check_version(const fv_pickle *pickle, fv_error *err)
{
    const fv_pickle_value *version = &pickle->values[pickle->root];
    if (version->kind == FV_PICKLE_INT && version->as.integer == 1001) return FV_OK;
    return fv_fail(err, FV_STATUS_UNSUPPORTED, "a PyTorch file of an unknown version; 1001 is read");
}

static fv_status check_system(const fv_pickle *pickle, fv_error *err)
{
    const fv_pickle_value *system = &pickle->values[pickle->root];
    if (system->kind != FV_PICKLE_DICT)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged PyTorch file (no description of the system)");
    for (size_t i = 0; i + 1 < system->as.items.count; i += 2) {
        const fv_pickle_value *value = fv_pickle_item(pickle, system, i + 1);
        if (!fv_pickle_is_text(fv_pickle_item(pickle, system, i), "little_endian")) continue;
        if (value->kind == FV_PICKLE_BOOL && value->as.integer) continue;
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "its byte order is 'big'; little-endian files are read");
    }
    return FV_OK;
}

/* A pickle that only `check` looks at. */
static fv_status run_checked(fv_torch *torch, const uint8_t *data, size_t size, size_t *at,
                             fv_status (*check)(const fv_pickle *pickle, fv_error *err), fv_error *err)
{
    size_t used = 0;
    fv_pickle pickle = {0};
    fv_status status = run(torch, &pickle, data + *at, size - *at, &used, err);
    if (status == FV_OK) status = check(&pickle, err);
    fv_pickle_free(&pickle);
    *at += used;
    return status;
}

static fv_status open_stream(fv_torch *torch, const uint8_t *data, size_t size, fv_error *err)
{
    size_t at = 0, used = 0;
    FV_TRY(run(torch, &torch->pickle, data, size, &at, err));
    if (!is_magic(&torch->pickle.values[torch->pickle.root])) {
        if (!torch->storage_count) return FV_OK;
        return fv_fail(err, FV_STATUS_FORMAT, "a pickle whose tensors are not in the file");
    }
    fv_pickle_free(&torch->pickle);
    FV_TRY(run_checked(torch, data, size, &at, check_version, err));
    FV_TRY(run_checked(torch, data, size, &at, check_system, err));
    FV_TRY(run(torch, &torch->pickle, data + at, size - at, &used, err));
    at += used;
    return fv_torch_find_blocks(torch, data + at, size - at, err);
}

/* --- opening --- */

fv_status fv_torch_parse(fv_torch **out, const void *data, size_t size, fv_error *err)
{
    fv_status status;
    fv_torch *torch = NULL;
    *out = NULL;
    FV_TRY_GOTO(fv_calloc(&torch, 1, sizeof *torch, err));
    torch->elements_most = GROWTH_BASE + (uint64_t)GROWTH * size;
    if (fv_zip_is(data, size)) {
        FV_TRY_GOTO(open_archive(torch, data, size, err));
    } else if (size > 2 && *(const uint8_t *)data == 0x80) {
        FV_TRY_GOTO(open_stream(torch, data, size, err));
    } else {
        status = fv_fail(err, FV_STATUS_FORMAT, "not a PyTorch file");
        goto done;
    }
    *out = torch;
    torch = NULL;
done:
    fv_torch_close(torch);
    return status;
}

fv_status fv_torch_open(fv_torch **out, const char *path, fv_error *err)
{
    fv_file file;
    *out = NULL;
    FV_TRY(fv_file_map(&file, path, 0, err));
    fv_status status = fv_torch_parse(out, file.data, file.size, err);
    if (status != FV_OK) {
        fv_file_close(&file);
        return fv_file_prefix(err, path, status);
    }
    (*out)->file = file;
    return FV_OK;
}

void fv_torch_close(fv_torch *torch)
{
    if (!torch) return;
    fv_pickle_free(&torch->pickle);
    fv_zip_close(torch->zip);
    fv_file_close(&torch->file);
    fv_free(torch->tensors);
    fv_free(torch->storages);
    fv_free(torch->content);
    fv_free(torch->block);
    fv_free(torch);
}
