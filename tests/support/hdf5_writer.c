/* Makes HDF5 files for the specs.   usage: hdf5_writer FILE [latest] <script
 *
 * The script is a list of lines; words are separated by blanks, PATH starts with a slash:
 *     group PATH
 *     fixed PATH NAME COUNT       attribute: COUNT lines of text follow, as strings of one length
 *     variable PATH NAME COUNT    the same, as strings of variable length; COUNT -1: one string, no list
 *     empty PATH NAME             attribute: a list of no numbers
 *     data PATH TYPE LAYOUT RANK SIZES...      followed by a line with all values
 *     hole PATH TYPE LAYOUT RANK SIZES...      without values: nothing is stored
 *     soft PATH TARGET | external PATH FILE TARGET | hard PATH TARGET
 * TYPE: f2 f4 f8 F4 (big-endian) i2 i4 i8 u8 s4 (text) bf; LAYOUT: contiguous, chunked, deflate, scaleoffset,
 * compact, virtual, outside (in another file). */
#define _GNU_SOURCE
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANK_MOST = 8, LINE_MOST = 1 << 22 };

static char line[LINE_MOST];

static void fail(const char *what)
{
    fprintf(stderr, "hdf5_writer: %s\n", what);
    exit(1);
}

static const char *next_line(void)
{
    if (!fgets(line, sizeof line, stdin)) fail("the script ends early");
    line[strcspn(line, "\n")] = 0;
    return line;
}

/* --- attributes --- */

static void put_attribute(hid_t file, const char *path, const char *name, hid_t type, hid_t space,
                          const void *data)
{
    hid_t object = H5Oopen(file, path, H5P_DEFAULT);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || (data && H5Awrite(attribute, type, data) < 0)) fail("attribute");
    H5Aclose(attribute);
    H5Oclose(object);
    H5Sclose(space);
}

static void add_strings(hid_t file, const char *path, const char *name, int count, int is_variable)
{
    size_t number = count < 0 ? 1 : (size_t)count, longest = 1;
    hsize_t dims = number;
    char **strings = calloc(number + 1, sizeof *strings);
    hid_t type = H5Tcopy(H5T_C_S1),
          space = count < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dims, NULL);
    for (size_t i = 0; i < number; i++) {
        strings[i] = strdup(next_line());
        if (strlen(strings[i]) > longest) longest = strlen(strings[i]);
    }
    if (is_variable) {
        H5Tset_size(type, H5T_VARIABLE);
        H5Tset_cset(type, H5T_CSET_UTF8);
        put_attribute(file, path, name, type, space, strings);
    } else { /* as h5py writes them: filled up with zeros, none behind the longest */
        char *bytes = calloc(number, longest);
        for (size_t i = 0; i < number; i++) memcpy(bytes + i * longest, strings[i], strlen(strings[i]));
        H5Tset_size(type, longest);
        H5Tset_strpad(type, H5T_STR_NULLPAD);
        put_attribute(file, path, name, type, space, bytes);
        free(bytes);
    }
    for (size_t i = 0; i < number; i++) free(strings[i]);
    free(strings);
    H5Tclose(type);
}

/* --- data sets --- */

static hid_t half_type(void)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

static hid_t file_type(const char *name)
{
    if (strcmp(name, "f2") == 0) return half_type();
    if (strcmp(name, "f4") == 0) return H5Tcopy(H5T_IEEE_F32LE);
    if (strcmp(name, "F4") == 0) return H5Tcopy(H5T_IEEE_F32BE);
    if (strcmp(name, "f8") == 0) return H5Tcopy(H5T_IEEE_F64LE);
    if (strcmp(name, "i2") == 0) return H5Tcopy(H5T_STD_I16LE);
    if (strcmp(name, "i4") == 0) return H5Tcopy(H5T_STD_I32LE);
    if (strcmp(name, "i8") == 0) return H5Tcopy(H5T_STD_I64LE);
    if (strcmp(name, "u8") == 0) return H5Tcopy(H5T_STD_U64LE);
    if (strcmp(name, "bf") == 0) return H5Tcreate(H5T_OPAQUE, 2);
    if (strcmp(name, "s4") != 0) fail("type");
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 4);
    return type;
}

static hid_t creation(const char *layout, int rank, const hsize_t *dims)
{
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[RANK_MOST];
    for (int i = 0; i < rank; i++) chunk[i] = dims[i] > 32 ? 16 : dims[i] > 2 ? (dims[i] + 1) / 2 : dims[i];
    if (strcmp(layout, "compact") == 0) H5Pset_layout(plist, H5D_COMPACT);
    if (strcmp(layout, "outside") == 0) H5Pset_external(plist, "elements.raw", 0, H5F_UNLIMITED);
    if (strcmp(layout, "chunked") == 0 || strcmp(layout, "deflate") == 0 ||
        strcmp(layout, "scaleoffset") == 0)
        H5Pset_chunk(plist, rank, chunk);
    if (strcmp(layout, "deflate") == 0) {
        H5Pset_shuffle(plist);
        H5Pset_deflate(plist, 6);
    }
    if (strcmp(layout, "scaleoffset") == 0) H5Pset_scaleoffset(plist, H5Z_SO_FLOAT_DSCALE, 3);
    if (strcmp(layout, "virtual") == 0) {
        hid_t space = H5Screate_simple(rank, dims, NULL);
        H5Pset_virtual(plist, space, "other.h5", "/x", space);
        H5Sclose(space);
    }
    return plist;
}

static void put_values(hid_t dataset, size_t count, int is_bfloat16)
{
    double *values = calloc(count + 1, sizeof *values);
    unsigned short *tops = calloc(count + 1, sizeof *tops);
    char *at = (char *)(size_t)next_line();
    for (size_t i = 0; i < count; i++) {
        values[i] = strtod(at, &at);
        float single = (float)values[i];
        memcpy(&tops[i], (char *)&single + 2, 2);
    }
    hid_t type = is_bfloat16 ? H5Dget_type(dataset) : H5Tcopy(H5T_NATIVE_DOUBLE);
    if (H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, is_bfloat16 ? (void *)tops : values) < 0)
        fail("values");
    H5Tclose(type);
    free(values);
    free(tops);
}

static void add_data(hid_t file, char **words, int word_count, int has_values)
{
    hsize_t dims[RANK_MOST];
    int rank = atoi(words[4]), is_bfloat16 = strcmp(words[2], "bf") == 0;
    size_t count = 1;
    if (word_count != 5 + rank) fail("sizes");
    for (int i = 0; i < rank; i++) count *= dims[i] = strtoull(words[5 + i], NULL, 10);
    hid_t type = file_type(words[2]), plist = creation(words[3], rank, dims);
    hid_t space = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t dataset = H5Dcreate2(file, words[1], type, space, links, plist, H5P_DEFAULT);
    if (dataset < 0) fail("data set");
    if (has_values) put_values(dataset, count, is_bfloat16);
    if (is_bfloat16) {
        const char *text = "bfloat16";
        hid_t string = H5Tcopy(H5T_C_S1);
        H5Tset_size(string, H5T_VARIABLE);
        put_attribute(file, words[1], "dtype", string, H5Screate(H5S_SCALAR), &text);
        H5Tclose(string);
    }
    H5Dclose(dataset);
    H5Pclose(links);
    H5Sclose(space);
    H5Pclose(plist);
    H5Tclose(type);
}

static void add_group(hid_t file, const char *path)
{
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t group = H5Gcreate2(file, path, links, H5P_DEFAULT, H5P_DEFAULT);
    if (group < 0) fail("group");
    H5Gclose(group);
    H5Pclose(links);
}

static void run(hid_t file, char **words, int count)
{
    const char *command = words[0];
    hsize_t none = 0;
    if (strcmp(command, "group") == 0)
        add_group(file, words[1]);
    else if (strcmp(command, "fixed") == 0 || strcmp(command, "variable") == 0)
        add_strings(file, words[1], words[2], atoi(words[3]), command[0] == 'v');
    else if (strcmp(command, "empty") == 0)
        put_attribute(file, words[1], words[2], H5T_IEEE_F64LE, H5Screate_simple(1, &none, NULL), NULL);
    else if (strcmp(command, "data") == 0 || strcmp(command, "hole") == 0)
        add_data(file, words, count, command[0] == 'd');
    else if (strcmp(command, "soft") == 0)
        H5Lcreate_soft(words[2], file, words[1], H5P_DEFAULT, H5P_DEFAULT);
    else if (strcmp(command, "external") == 0)
        H5Lcreate_external(words[2], words[3], file, words[1], H5P_DEFAULT, H5P_DEFAULT);
    else if (strcmp(command, "hard") == 0)
        H5Lcreate_hard(file, words[2], file, words[1], H5P_DEFAULT, H5P_DEFAULT);
    else
        fail("unknown command");
}

int main(int argc, char **argv)
{
    if (argc < 2) fail("usage: hdf5_writer FILE [latest] <script");
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (argc > 2) H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, access);
    while (fgets(line, sizeof line, stdin)) {
        char *copy = strdup(line), *words[16] = {0}, *rest = NULL;
        int count = 0;
        for (char *word = strtok_r(copy, " \n", &rest); word && count < 15;
             word = strtok_r(NULL, " \n", &rest))
            words[count++] = word;
        if (count) run(file, words, count);
        free(copy);
    }
    H5Pclose(access);
    return H5Fclose(file) < 0;
}
