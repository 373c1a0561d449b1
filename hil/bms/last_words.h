#ifndef BMS_HIL_LAST_WORDS_H
#define BMS_HIL_LAST_WORDS_H
#include <Python.h>

/* (beat, words, code): from now on a crash in a call of firmware, while the first word of `beat` is odd, writes these words to
 * stderr and ends the process with this code. */
PyObject *last_words(PyObject *self, PyObject *args);
PyObject *forget_last_words(PyObject *self, PyObject *ignored);
#endif
