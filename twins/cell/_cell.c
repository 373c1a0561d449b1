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

static int count_is(Py_ssize_t given, Py_ssize_t wanted)
{
    if (given == wanted) return 1;
    PyErr_Format(PyExc_TypeError, "takes %zd arguments, not %zd", wanted, given);
    return 0;
}

/* (strings, series, parallel) */
static int layout_of(PyObject *const *args, cell_layout *layout)
{
    layout->strings = PyLong_AsSize_t(args[0]);
    layout->series = PyLong_AsSize_t(args[1]);
    layout->parallel = PyLong_AsSize_t(args[2]);
    layout->ambient_degC = 0.0;
    if (PyErr_Occurred()) return -1;
    const size_t most = 100000000; /* no product of these overflows */
    if (layout->strings == 0 || layout->series == 0 || layout->parallel == 0) {
        PyErr_SetString(PyExc_ValueError, "a pack needs at least one cell");
        return -1;
    }
    if (layout->strings > most || layout->series > most / layout->strings
        || layout->parallel > most / (layout->strings * layout->series)) {
        PyErr_SetString(PyExc_ValueError, "a pack has at most 100 million cells");
        return -1;
    }
    return 0;
}

/* (type, state, strings, series, parallel, ambient_degC) */
static int view_of(PyObject *const *args, pack_view *view)
{
    if (layout_of(args + 2, &view->layout) < 0) return -1;
    view->layout.ambient_degC = PyFloat_AsDouble(args[5]);
    if (PyErr_Occurred()) return -1;
    if (take(args[0], &view->type, sizeof(cell_type) / 8, "type") < 0) return -1;
    if (take(args[1], &view->state, cell_state_size(&view->layout), "state") < 0) {
        PyBuffer_Release(&view->type);
        return -1;
    }
    if (((double *)view->state.buf)[HEAD_BUSY] != 0.0) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is advancing this pack");
        let_go(view);
        return -1;
    }
    return 0;
}

static PyObject *py_state_size(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    cell_layout layout;
    if (!count_is(count, 3) || layout_of(args, &layout) < 0) return NULL;
    return PyLong_FromSize_t(cell_state_size(&layout));
}

static PyObject *py_stride(PyObject *self, PyObject *count)
{
    (void)self;
    const size_t n = PyLong_AsSize_t(count);
    return PyErr_Occurred() ? NULL : PyLong_FromSize_t(cell_stride(n));
}

static PyObject *py_prepare(PyObject *self, PyObject *type)
{
    (void)self;
    Py_buffer view;
    if (take(type, &view, sizeof(cell_type) / 8, "type") < 0) return NULL;
    cell_prepare(view.buf);
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *py_refresh(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    pack_view view;
    if (!count_is(count, 6) || view_of(args, &view) < 0) return NULL;
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
    double *state = view.state.buf;
    const double work = (double)steps * (double)(layout->strings * layout->series * layout->parallel);
    if (work > RELEASE_ABOVE) { /* the caller's buffers stay pinned by the view meanwhile */
        state[HEAD_BUSY] = 1.0;
        Py_BEGIN_ALLOW_THREADS
        volts = cell_advance(view.type.buf, layout, state, current, dt, steps);
        Py_END_ALLOW_THREADS
        state[HEAD_BUSY] = 0.0;
    } else {
        volts = cell_advance(view.type.buf, layout, state, current, dt, steps);
    }
    cell_thevenin(layout, state, &emf, &resistance);
    let_go(&view);
    return Py_BuildValue("ddd", volts, emf, resistance);
}

/* A buffer to fill, or None. */
static int maybe(PyObject *object, Py_buffer *buffer, size_t doubles, const char *what)
{
    buffer->buf = NULL;
    return object == Py_None ? 0 : take(object, buffer, doubles, what);
}

/* (…, current_A, group_V, cell_A, string_A): fills the voltage of each group, the current through the tab of each cell
 * and that of each string; None for what is not wanted */
static PyObject *py_split(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    pack_view view;
    Py_buffer volts = {0}, amperes = {0}, shares = {0};
    if (!count_is(count, 10)) return NULL;
    const double current = PyFloat_AsDouble(args[6]);
    if (PyErr_Occurred() || view_of(args, &view) < 0) return NULL;
    const cell_layout *layout = &view.layout;
    const double *state = view.state.buf;
    const size_t groups = layout->strings * layout->series;
    const int good = maybe(args[7], &volts, groups, "group_V") == 0
                     && maybe(args[8], &amperes, groups * layout->parallel, "cell_A") == 0
                     && maybe(args[9], &shares, layout->strings, "string_A") == 0;
    if (good && volts.buf != NULL) cell_voltages(layout, state, current, volts.buf);
    if (good && amperes.buf != NULL) cell_currents(layout, state, current, amperes.buf);
    if (good && shares.buf != NULL) cell_strings(layout, state, current, shares.buf);
    if (volts.buf != NULL) PyBuffer_Release(&volts);
    if (amperes.buf != NULL) PyBuffer_Release(&amperes);
    if (shares.buf != NULL) PyBuffer_Release(&shares);
    let_go(&view);
    if (!good) return NULL;
    Py_RETURN_NONE;
}

/* (type, temperature_degC, soc, ocv_V, depth, c_rate, middle_V, seconds, cycles) -> (loss, growth): of a new cell after
 * so long, and so many full equivalent cycles, under this stress */
static PyObject *py_ageing(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    Py_buffer type;
    double given[8];
    if (!count_is(count, 9)) return NULL;
    for (int n = 0; n < 8; n++) given[n] = PyFloat_AsDouble(args[n + 1]);
    if (PyErr_Occurred() || take(args[0], &type, sizeof(cell_type) / 8, "type") < 0) return NULL;
    const ageing_stress at = {given[0], given[1], given[2], given[3], given[4], given[5]};
    const ageing_rates by = cell_ageing_rates(type.buf, &at);
    const double loss = cell_ageing_loss(type.buf, by.calendar * given[6], by.cycle * given[7]);
    const double growth = cell_ageing_growth(type.buf, by.grow_calendar * given[6], by.grow_cycle * given[7]);
    PyBuffer_Release(&type);
    return Py_BuildValue("dd", loss, growth);
}

#define FAST(function) ((PyCFunction)(void (*)(void))(function)), METH_FASTCALL
static PyMethodDef methods[] = {
    {"state_size", FAST(py_state_size), "Doubles of a pack's state."},
    {"stride", py_stride, METH_O, "Doubles from one row of the state to the next."},
    {"prepare", py_prepare, METH_O, "Interval coefficients of a cell type from its tables."},
    {"refresh", FAST(py_refresh), "Everything derived from the state, anew."},
    {"thevenin", FAST(py_thevenin), "EMF [V] and resistance [Ohm]."},
    {"advance", FAST(py_advance), "Steps at one current; terminal voltage, EMF and resistance."},
    {"split", FAST(py_split), "Group voltages, cell and string currents at a terminal current."},
    {"ageing", FAST(py_ageing), "Loss and growth of a new cell under one stress."},
    {NULL, NULL, 0, NULL},
};

static const struct {
    const char *name;
    long value;
} constants[] = {
    {"GRID", CELL_GRID}, {"OCV_ROWS", CELL_OCV_ROWS}, {"TYPE_SIZE", sizeof(cell_type) / 8}, {"HEAD", CELL_HEAD},
    {"REACTIONS", CELL_REACTIONS}, {"CELL_ROWS", CELL_ROWS}, {"GROUP_ROWS", GROUP_ROWS},
    {"SOC", CELL_SOC}, {"H", CELL_H}, {"V1", CELL_V1}, {"V2", CELL_V2}, {"T", CELL_T}, {"INV_Q", CELL_INV_Q},
    {"R_FACTOR", CELL_R_FACTOR}, {"SURFACE", CELL_SURFACE}, {"HEAT_J", CELL_HEAT_J}, {"LOST_As", CELL_LOST_As},
    {"SHORT_S", CELL_SHORT_S}, {"TAB_Ohm", CELL_TAB_Ohm}, {"LEAK_FACTOR", CELL_LEAK_FACTOR}, {"LOSS", CELL_LOSS},
    {"GROWTH", CELL_GROWTH}, {"SEEN", CELL_SEEN}, {"TURN", CELL_TURN}, {"PEAK", CELL_PEAK}, {"GONE", CELL_GONE},
    {"E", CELL_E}, {"AT_T", CELL_AT_T}, {"R", CELL_R}, {"R1", CELL_R1}, {"R2", CELL_R2},
    {"BLEED_S", GROUP_BLEED_S}, {"LINK_Ohm", GROUP_LINK_Ohm}, {"WIRE_J", GROUP_WIRE_J}, {"BLEED_J", GROUP_BLEED_J},
    {"BLEED_As", GROUP_BLEED_As}, {"STRING_As", STRING_As},
    {"STRING_OFF", STRING_OFF}, {"STRING_E", STRING_E},
    {"HEAD_CIRCUIT", HEAD_CIRCUIT}, {"HEAD_BOOKS", HEAD_BOOKS}, {"HEAD_COOLANT_degC", HEAD_COOLANT_degC},
    {"HEAD_BAR_Ohm", HEAD_BAR_Ohm},
};

static int fill(PyObject *module)
{
    for (size_t n = 0; n < sizeof constants / sizeof *constants; n++)
        if (PyModule_AddIntConstant(module, constants[n].name, constants[n].value) < 0) return -1;
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_cell", "The cell core in C.", 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__cell(void) { return PyModuleDef_Init(&definition); }
