/* Fovea's public C header. */
#ifndef FOVEA_H
#define FOVEA_H

#define FV_VERSION "0.1.0"

#include "base/alloc.h"
#include "base/random.h"
#include "base/status.h"
#include "tensor/tensor.h"

#endif
