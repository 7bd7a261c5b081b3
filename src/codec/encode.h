/* encode: the walk from a value to bytes. */
#ifndef FROZEN_CODEC_ENCODE_H
#define FROZEN_CODEC_ENCODE_H

#include "codec/frames.h"

/* 0: it is in e->out; -1 (exception set): an EncodingError has the path. */
int encoder_run(encoder *e, PyObject *value);

#endif
