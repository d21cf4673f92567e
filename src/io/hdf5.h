/* HDF5 files, as Keras writes weights: arrays named by their path, and the texts in attributes. The library
 * that parses the format has a long list of memory errors on malformed files, so it runs in a process of its
 * own (src/hdf5) with limits on memory, time and output; what that process writes is checked as any
 * safetensors file. A damaged or hostile file gives an error, whatever it does to that process. */
#ifndef FV_IO_HDF5_H
#define FV_IO_HDF5_H

#include "io/safetensors.h"

/* Opens a file, or bytes called `name` in messages. Arrays are named "group/name", without a slash in front;
 * the metadata `attributes` is JSON: { "group": { "layer_names": ["a", ...], "model_config": "..." } } with
 * the attributes layer_names, weight_names (also those split into layer_names0, ...), keras_version, backend,
 * model_config and name. Refused: links that are not hard, virtual, external and compact data sets, filters
 * other than deflate, shuffle and checksums, elements that are not numbers, and more than 64 MB + 8 times the
 * size of the file of elements. Messages start with the path. FV_STATUS_FORMAT for damage,
 * FV_STATUS_UNSUPPORTED for what is refused and when the reader program is missing. */
fv_status fv_hdf5_open(fv_safetensors **out, const char *path, fv_error *err);
fv_status fv_hdf5_open_bytes(fv_safetensors **out, const void *bytes, size_t size, const char *name,
                             fv_error *err);

/* True for bytes that begin as HDF5 files do. */
int fv_hdf5_is(const void *bytes, size_t size);

#endif
