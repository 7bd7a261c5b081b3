/* What frozen/_file.py needs of the files: writing the body of one, and opening one that is in memory. */

#include "file/decode.h"
#include "file/writer.h"

/* _write_file(value, write, types, seed) -> the header, once the body was given to write(bytes). */
static PyObject *
write_file(PyObject *module, PyObject *args)
{
    PyObject *value, *write, *types;
    unsigned long long seed;
    file_header header;
    if (!PyArg_ParseTuple(args, "OOOK:_write_file", &value, &write, &types, &seed)
        || file_write(PyModule_GetState(module), value, write, types, seed, &header) < 0)
        return NULL;
    return PyBytes_FromStringAndSize((const char *)&header, sizeof header);
}

/* Reads all of it, while other threads run: FileFormatError where the sum is not the header's. The image holds the buffer,
 * which nothing changes. */
static bool
body_holds(file_image *image)
{
    enum { PART = 1 << 20 };
    file_header header;
    uint64_t sum = 0;
    memcpy(&header, image->base, sizeof header);
    for (uint64_t at = sizeof header; at < image->size; at += PART) {
        uint64_t left = image->size - at;
        Py_BEGIN_ALLOW_THREADS
        sum = sum_of_words(sum, image->base + at, (size_t)(left < PART ? left : PART));
        Py_END_ALLOW_THREADS
        if (interrupted())
            return false;
    }
    if (sum == header.body_sum)
        return true;
    return file_damaged(image, offsetof(file_header, body_sum), "is damaged: the checksum is wrong");
}

/* _open_file(buffer, path, types, check) -> the value of the file. */
static PyObject *
open_file(PyObject *module, PyObject *args)
{
    PyObject *buffer, *path, *types, *value = NULL;
    int check;
    if (!PyArg_ParseTuple(args, "OOOp:_open_file", &buffer, &path, &types, &check))
        return NULL;
    file_image *image = (file_image *)file_image_new(PyModule_GetState(module), buffer, path, types);
    if (image == NULL)
        return NULL;
    if (!check || body_holds(image))
        value = file_object(image, image->root, image->size, false);
    Py_DECREF(image);
    return value;
}

PyMethodDef file_functions[] = {
    {"_write_file", write_file, METH_VARARGS, NULL},
    {"_open_file", open_file, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
