/* .keras archives of Keras 3: a zip with config.json, metadata.json and model.weights.h5. */
#ifndef FV_IO_KERAS_H
#define FV_IO_KERAS_H

#include "io/safetensors.h"

/* Zero-initialise; give back with fv_keras_close. */
typedef struct fv_keras {
    fv_safetensors *weights; /* see fv_hdf5_open */
    char *config;            /* JSON of the model; ends in a NUL */
    char *metadata;          /* JSON with keras_version; ends in a NUL, "" when there is none */
} fv_keras;

/* Messages start with the path. FV_STATUS_FORMAT for damage and for zip archives of another kind. */
fv_status fv_keras_open(fv_keras *out, const char *path, fv_error *err);
void fv_keras_close(fv_keras *keras);

#endif
