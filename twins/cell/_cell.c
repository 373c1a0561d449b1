/* Thin binding: C-contiguous buffers of doubles in place; a step holds the GIL, a long advance releases it. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <math.h>
#include <string.h>

#include "cell.h"

#define RELEASE_ABOVE 200000 /* cell-steps, about a millisecond: shorter work is not worth losing the GIL */

typedef struct {
    Py_buffer type, state;
    cell_layout layout;
} pack_view;

static void let_go(pack_view *view)
{
    PyBuffer_Release(&view->type);
    PyBuffer_Release(&view->state);
}

static int take(PyObject *object, Py_buffer *buffer, size_t doubles, const char *what)
{
    if (PyObject_GetBuffer(object, buffer, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) return -1;
    if (buffer->format == NULL || strcmp(buffer->format, "d") != 0 || (size_t)buffer->len != doubles * 8) {
        PyErr_Format(PyExc_ValueError, "%s must be %zu C-contiguous doubles", what, doubles);
        PyBuffer_Release(buffer);
        return -1;
    }
    return 0;
}

/* (type, state, strings, series, parallel, ambient_degC) */
static int view_of(PyObject *const *args, pack_view *view)
{
    view->layout.strings = PyLong_AsSize_t(args[2]);
    view->layout.series = PyLong_AsSize_t(args[3]);
    view->layout.parallel = PyLong_AsSize_t(args[4]);
    view->layout.ambient_degC = PyFloat_AsDouble(args[5]);
    if (PyErr_Occurred()) return -1;
    if (view->layout.strings * view->layout.series * view->layout.parallel == 0) {
        PyErr_SetString(PyExc_ValueError, "a pack needs at least one cell");
        return -1;
    }
    if (take(args[0], &view->type, sizeof(cell_type) / 8, "type") < 0) return -1;
    if (take(args[1], &view->state, cell_state_size(&view->layout), "state") < 0) {
        PyBuffer_Release(&view->type);
        return -1;
    }
    return 0;
}

static int count_is(Py_ssize_t given, Py_ssize_t wanted)
{
    if (given == wanted) return 1;
    PyErr_Format(PyExc_TypeError, "takes %zd arguments, not %zd", wanted, given);
    return 0;
}

static PyObject *py_state_size(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!count_is(count, 3)) return NULL;
    const cell_layout layout = {PyLong_AsSize_t(args[0]), PyLong_AsSize_t(args[1]), PyLong_AsSize_t(args[2]), 0.0};
    return PyErr_Occurred() ? NULL : PyLong_FromSize_t(cell_state_size(&layout));
}

static PyObject *py_stride(PyObject *self, PyObject *count)
{
    (void)self;
    const size_t n = PyLong_AsSize_t(count);
    return PyErr_Occurred() ? NULL : PyLong_FromSize_t(cell_stride(n));
}

static PyObject *py_refresh(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    pack_view view;
    if (!count_is(count, 6) || view_of(args, &view) < 0) return NULL;
    cell_warm(view.type.buf, &view.layout, view.state.buf);
    cell_refresh(view.type.buf, &view.layout, view.state.buf);
    let_go(&view);
    Py_RETURN_NONE;
}

static PyObject *py_thevenin(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    pack_view view;
    double emf, resistance;
    if (!count_is(count, 6) || view_of(args, &view) < 0) return NULL;
    cell_thevenin(&view.layout, view.state.buf, &emf, &resistance);
    let_go(&view);
    return Py_BuildValue("dd", emf, resistance);
}

/* (…, current_A, dt_s, steps) -> (terminal voltage, emf, resistance) */
static PyObject *py_advance(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    pack_view view;
    double volts = 0.0, emf, resistance;
    if (!count_is(count, 9)) return NULL;
    const double current = PyFloat_AsDouble(args[6]), dt = PyFloat_AsDouble(args[7]);
    const long steps = PyLong_AsLong(args[8]);
    if (PyErr_Occurred()) return NULL;
    if (!isfinite(current) || !isfinite(dt) || dt <= 0.0 || steps < 0) {
        PyErr_Format(PyExc_ValueError, "current must be finite, the step positive, and steps not negative");
        return NULL;
    }
    if (view_of(args, &view) < 0) return NULL;
    const cell_layout *layout = &view.layout;
    const double work = (double)steps * (double)(layout->strings * layout->series * layout->parallel);
    if (work > RELEASE_ABOVE) { /* the caller's buffers stay pinned by the view meanwhile */
        Py_BEGIN_ALLOW_THREADS
        volts = cell_advance(view.type.buf, layout, view.state.buf, current, dt, steps);
        Py_END_ALLOW_THREADS
    } else {
        volts = cell_advance(view.type.buf, layout, view.state.buf, current, dt, steps);
    }
    cell_thevenin(layout, view.state.buf, &emf, &resistance);
    let_go(&view);
    return Py_BuildValue("ddd", volts, emf, resistance);
}

static PyMethodDef methods[] = {
    {"state_size", (PyCFunction)(void (*)(void))py_state_size, METH_FASTCALL, "Doubles of a pack's state."},
    {"stride", py_stride, METH_O, "Doubles from one row of the state to the next."},
    {"refresh", (PyCFunction)(void (*)(void))py_refresh, METH_FASTCALL, "EMF and resistance from the state."},
    {"thevenin", (PyCFunction)(void (*)(void))py_thevenin, METH_FASTCALL, "EMF [V] and resistance [Ohm]."},
    {"advance", (PyCFunction)(void (*)(void))py_advance, METH_FASTCALL, "Steps at one current; the voltages."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    return PyModule_AddIntConstant(module, "GRID", CELL_GRID) < 0
                   || PyModule_AddIntConstant(module, "TYPE_SIZE", sizeof(cell_type) / 8) < 0
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_cell", "The cell core in C.", 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__cell(void) { return PyModuleDef_Init(&definition); }
