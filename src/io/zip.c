#include "io/zip.h"

#include "base/alloc.h"
#include "io/shown.h"
#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* An archive may hold this multiple of its own size (deflate alone reaches 1000): weights do not compress
 * well, and a small file must not ask for much. */
enum { GROWTH = 64, GROWTH_BASE = 1 << 26 };

int fv_zip_is(const void *data, size_t size)
{
    return size >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

/* --- opening --- */

static fv_status fail_zip(fv_error *err, zip_error_t *problem)
{
    if (zip_error_code_zip(problem) == ZIP_ER_MEMORY)
        return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for the list of the zip archive");
    return fv_fail(err, FV_STATUS_FORMAT, "damaged zip archive (%.100s)", zip_error_strerror(problem));
}

static fv_status open_archive(zip_t **out, const void *data, size_t size, fv_error *err)
{
    zip_error_t problem;
    fv_status status = FV_OK;
    zip_error_init(&problem);
    zip_source_t *source = zip_source_buffer_create(data, size, 0, &problem);
    *out = source ? zip_open_from_source(source, ZIP_RDONLY, &problem) : NULL;
    if (!*out) {
        status = fail_zip(err, &problem);
        zip_source_free(source);
    }
    zip_error_fini(&problem);
    return status;
}

/* Nothing is ever written to the disc under these names; an archive that tries is not to be trusted. */
static int is_plain_name(const char *name)
{
    if (!*name || *name == '/' || (name[1] == ':')) return 0;
    for (const char *c = name; *c; c++)
        if (*c == '\\' || (unsigned char)*c < ' ' || *c == 0x7f) return 0;
    for (const char *part = name, *slash; part; part = slash ? slash + 1 : NULL) {
        slash = strchr(part, '/');
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return 0;
    }
    return 1;
}

static fv_status check_entry(const zip_stat_t *st, size_t archive_size, fv_error *err)
{
    const zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD |
                                ZIP_STAT_ENCRYPTION_METHOD;
    if ((st->valid & wanted) != wanted)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged zip archive (incomplete entry)");
    char shown[FV_SHOWN_TEXT];
    fv_shown(shown, st->name, strlen(st->name));
    if (!is_plain_name(st->name))
        return fv_fail(err, FV_STATUS_FORMAT, "zip archive with the entry '%s', which leads out of it",
                       shown);
    if (st->encryption_method != ZIP_EM_NONE)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "zip entry '%s' is encrypted", shown);
    if (st->comp_method != ZIP_CM_STORE && st->comp_method != ZIP_CM_DEFLATE)
        return fv_fail(err, FV_STATUS_UNSUPPORTED,
                       "zip entry '%s' is compressed by method %d; stored and deflated ones are read", shown,
                       (int)st->comp_method);
    if (st->comp_size > archive_size || (st->comp_method == ZIP_CM_STORE && st->size != st->comp_size))
        return fv_fail(err, FV_STATUS_FORMAT,
                       "damaged zip archive (entry '%s' claims %llu bytes, the archive has %zu)", shown,
                       (unsigned long long)st->size, archive_size);
    return FV_OK;
}

typedef struct totals {
    uint64_t packed, unpacked;
} totals;

/* Entries do not share bytes, and all together stay within what such a file can sensibly hold. */
static fv_status add_totals(totals *sum, const zip_stat_t *st, size_t archive_size, fv_error *err)
{
    uint64_t most = GROWTH_BASE + (uint64_t)GROWTH * archive_size;
    sum->packed += st->comp_size; /* each at most archive_size, and the sum is compared at once */
    if (sum->packed > archive_size)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged zip archive (its entries overlap)");
    if (st->size > most || (sum->unpacked += st->size) > most)
        return fv_fail(err, FV_STATUS_FORMAT,
                       "zip archive of %zu bytes whose entries claim more than %llu; refused", archive_size,
                       (unsigned long long)most);
    return FV_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const fv_zip_entry *)a)->name, ((const fv_zip_entry *)b)->name);
}

static fv_status list_entries(fv_zip *zip, size_t archive_size, fv_error *err)
{
    totals sum = {0, 0};
    zip_int64_t n = zip_get_num_entries(zip->archive, 0);
    FV_TRY(fv_calloc(&zip->entries, n > 0 ? (size_t)n : 0, sizeof *zip->entries, err));
    for (zip_int64_t i = 0; i < n; i++) {
        zip_stat_t st;
        if (zip_stat_index(zip->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW, &st) != 0)
            return fail_zip(err, zip_get_error(zip->archive));
        FV_TRY(check_entry(&st, archive_size, err));
        FV_TRY(add_totals(&sum, &st, archive_size, err));
        if (st.name[strlen(st.name) - 1] == '/') continue;
        zip->entries[zip->count++] = (fv_zip_entry){st.name, (size_t)st.size, (uint64_t)i};
    }
    if (zip->count) qsort(zip->entries, zip->count, sizeof *zip->entries, by_name);
    for (size_t i = 1; i < zip->count; i++)
        if (by_name(&zip->entries[i - 1], &zip->entries[i]) == 0)
            return fv_fail(err, FV_STATUS_FORMAT, "damaged zip archive (entry '%.100s' comes twice)",
                           zip->entries[i].name);
    return FV_OK;
}

fv_status fv_zip_parse(fv_zip **out, const void *data, size_t size, fv_error *err)
{
    fv_status status;
    fv_zip *zip = NULL;
    zip_t *archive;
    *out = NULL;
    FV_TRY_GOTO(fv_calloc(&zip, 1, sizeof *zip, err));
    FV_TRY_GOTO(open_archive(&archive, data, size, err));
    zip->archive = archive;
    FV_TRY_GOTO(list_entries(zip, size, err));
    *out = zip;
    zip = NULL;
done:
    fv_zip_close(zip);
    return status;
}

void fv_zip_close(fv_zip *zip)
{
    if (!zip) return;
    if (zip->archive) zip_discard(zip->archive);
    fv_free(zip->entries);
    fv_free(zip);
}

/* --- entries --- */

const fv_zip_entry *fv_zip_find(const fv_zip *zip, const char *name)
{
    fv_zip_entry wanted = {.name = name};
    return zip->count ? bsearch(&wanted, zip->entries, zip->count, sizeof wanted, by_name) : NULL;
}

fv_status fv_zip_read(void *dst, const fv_zip *zip, const fv_zip_entry *entry, fv_error *err)
{
    char beyond;
    fv_status status = FV_OK;
    zip_file_t *file = zip_fopen_index(zip->archive, entry->index, 0);
    if (!file) return fail_zip(err, zip_get_error(zip->archive));
    zip_int64_t n = zip_fread(file, dst, entry->size);
    /* The checksum is compared when the end is met. */
    zip_int64_t more = n < 0 ? n : zip_fread(file, &beyond, 1);
    if (n < 0 || more < 0)
        status = fail_zip(err, zip_file_get_error(file));
    else if ((size_t)n != entry->size || more > 0)
        status = fv_fail(err, FV_STATUS_FORMAT, "damaged zip archive (entry '%.100s' is not of %zu bytes)",
                         entry->name, entry->size);
    zip_fclose(file);
    return status;
}
