/* What an HDF5 file holds: its arrays and the texts that Keras keeps in attributes.
 *
 * These files are the reader program fovea-hdf5, which runs in a process of its own: the library that parses
 * the format has a long list of memory errors on malformed files. Nothing here is part of libfovea. */
#ifndef FV_HDF5_WALK_H
#define FV_HDF5_WALK_H

#include "base/status.h"
#include "io/dtype.h"
#include "tensor/tensor.h"
#include <hdf5.h>
#include <jansson.h>

typedef struct h5_array {
    char *path;     /* "group/name" */
    hid_t dataset;  /* open */
    hid_t type;     /* of the elements in memory; owned when it is a copy of the file's */
    fv_dtype dtype; /* the same as the toolkit calls it */
    fv_shape shape;
    size_t bytes;
} h5_array;

typedef struct h5_tree {
    h5_array *arrays;
    size_t count, room;
    size_t links;     /* seen so far */
    size_t bytes;     /* of all elements */
    size_t file_size; /* of the file */
    size_t budget;    /* most bytes of elements */
    size_t text;      /* bytes of attributes */
    json_t *texts;    /* { path: { attribute: string or list of strings } } */
} h5_tree;

/* Collects everything below the root of an open file. Zero-initialise apart from file_size and budget; give
 * back with h5_tree_free. Refused: links that are not hard (they may lead out of the file), arrays whose
 * elements are not in the file in a contiguous block or deflated chunks, elements that are not numbers, more
 * bytes than the budget. Optimiser states are left out. */
fv_status h5_tree_read(h5_tree *tree, hid_t file, fv_error *err);
void h5_tree_free(h5_tree *tree);

/* Checks a data set and fills everything of the array but its path. */
fv_status h5_array_open(h5_array *array, hid_t dataset, const char *path, const h5_tree *tree, fv_error *err);

/* Adds the text attributes of a group that Keras writes to tree->texts. */
fv_status h5_texts_read(h5_tree *tree, hid_t group, const char *path, fv_error *err);

/* The attribute `dtype` of a data set: true when it says bfloat16. */
int h5_says_bfloat16(hid_t dataset);

/* Writes the arrays and texts as a safetensors file to fd; the texts are the metadata `attributes`. */
fv_status h5_tree_write(const h5_tree *tree, int fd, fv_error *err);

#endif
