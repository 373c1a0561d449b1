/* Messages in C: physical values to bytes and back. Thin binding of field_bits.c; layouts and words of refusal come from
 * codec.py. A physical value is rounded half-to-even to its raw number, as cantools does it; that of a floating-point signal is a
 * float or a double, in which NaN is "not available". */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <string.h>

#include "field_bits.h"

enum { FLOAT_BITS = 32, DOUBLE_BITS = 64 };

typedef struct {
    field_place place;
    bool is_signed, is_float, plain;        /* plain: the raw number is the value */
    bool always;                            /* whether each group has it; else layout.there says it */
    double scale, offset, minimum, maximum; /* value = raw * scale + offset */
    double not_available;                   /* NaN: there is no such value */
    double least, beyond;                   /* least <= raw < beyond */
} field;

typedef struct {
    PyObject_HEAD
    Py_ssize_t size, count, multiplexer, groups; /* bytes; fields; index or -1; number of groups */
    field *fields;
    int64_t *group; /* in rising order */
    bool *there;    /* field by field, for each group */
    PyObject *refuse, *misfit, *unknown;
} layout;

typedef struct {
    const field *field;
    PyObject *values;
    Py_ssize_t signal, index;
    double scale, offset; /* what is read is signal * scale + offset */
} row;

typedef struct {
    PyObject_HEAD
    layout *layout;
    PyObject *saturate;
    uint8_t *start;
    row *rows;
    Py_ssize_t count;
} packer;

typedef struct {
    PyTypeObject *layout_type;
} module_state;

static bool is_in_range(const field *f, double value)
{
    if (f->is_float && isnan(value)) return true;
    return (f->minimum <= value && value <= f->maximum) || value == f->not_available;
}

/* The bits of a floating-point number; false if a float is too short for it. */
static bool float_bits_of(const field *f, double number, uint64_t *bits)
{
    if (f->place.length == DOUBLE_BITS) return memcpy(bits, &number, sizeof number), true;
    float narrow = (float)number;
    uint32_t word;
    memcpy(&word, &narrow, sizeof narrow);
    *bits = word;
    return !isinf(narrow) || isinf(number);
}

static double float_of(const field *f, uint64_t bits)
{
    double number;
    float narrow;
    uint32_t word = (uint32_t)bits;
    if (f->place.length == DOUBLE_BITS) return memcpy(&number, &bits, sizeof number), number;
    return memcpy(&narrow, &word, sizeof narrow), (double)narrow;
}

/* The bits of a number; false if they do not hold it. */
static bool bits_of(const field *f, double number, uint64_t *bits)
{
    if (f->is_float) return float_bits_of(f, number, bits);
    number = nearbyint(number);
    if (!(f->least <= number && number < f->beyond)) return false;
    *bits = (number < 0.0 ? (uint64_t)(int64_t)number : (uint64_t)number) & field_mask(&f->place);
    return true;
}

/* As bits_of, of a Python int, exact beyond 53 bits too. */
static bool bits_of_int(const field *f, PyObject *number, uint64_t *bits)
{
    uint64_t mask = field_mask(&f->place);
    if (f->is_signed) {
        long long value = PyLong_AsLongLong(number);
        long long highest = (long long)(mask >> 1);
        if (PyErr_Occurred() || value > highest || value < -highest - 1) return PyErr_Clear(), false;
        *bits = (uint64_t)value & mask;
        return true;
    }
    unsigned long long value = PyLong_AsUnsignedLongLong(number);
    if (PyErr_Occurred() || value > mask) return PyErr_Clear(), false;
    *bits = value;
    return true;
}

static PyObject *value_of(const field *f, uint64_t bits)
{
    if (f->is_float) return PyFloat_FromDouble(float_of(f, bits) * f->scale + f->offset);
    int64_t number = (int64_t)bits;
    bool negative = f->is_signed && bits >> (f->place.length - 1u) & 1u;
    if (negative) number = (int64_t)(bits | ~field_mask(&f->place));
    if (f->plain) return negative ? PyLong_FromLongLong(number) : PyLong_FromUnsignedLongLong(bits);
    return PyFloat_FromDouble((negative ? (double)number : (double)bits) * f->scale + f->offset);
}

/* A new reference to one item of whatever holds values; lists and tuples, without their subclasses, are the fast way. */
static PyObject *item_of(PyObject *values, Py_ssize_t index)
{
    PyObject *item;
    if (PyList_CheckExact(values))
        item = PyList_GetItem(values, index);
    else if (PyTuple_CheckExact(values))
        item = PyTuple_GetItem(values, index);
    else
        return PySequence_GetItem(values, index);
    Py_XINCREF(item);
    return item;
}

/* As PyFloat_AsDouble; what is too large for one is infinite, which no range has. */
static double number_of(PyObject *value)
{
    double number = PyFloat_AsDouble(value);
    if (number != -1.0 || !PyErr_Occurred()) return number;
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        return INFINITY;
    }
    return number;
}

/* Let Python say what is wrong, which raises. */
static void complain(PyObject *said)
{
    if (said != NULL) PyErr_SetString(PyExc_SystemError, "a refusal must raise");
    Py_XDECREF(said);
}

/* ---- layouts ---- */

/* The place of a multiplexor's value among the groups; -1 if there is no such group. */
static Py_ssize_t group_of(const layout *self, double value)
{
    Py_ssize_t low = 0, high = self->groups;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if ((double)self->group[middle] == value) return middle;
        if ((double)self->group[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

static bool is_there(const layout *self, Py_ssize_t index, Py_ssize_t group)
{
    return self->fields[index].always || self->there[index * self->groups + group];
}

static int encode_one(const layout *self, Py_ssize_t index, PyObject *value, uint8_t *data)
{
    const field *f = &self->fields[index];
    double number = number_of(value);
    if (number == -1.0 && PyErr_Occurred()) return -1;
    uint64_t bits;
    bool exact = f->plain && PyLong_CheckExact(value);
    if (is_in_range(f, number) &&
        (exact ? bits_of_int(f, value, &bits) : bits_of(f, (number - f->offset) / f->scale, &bits))) {
        field_put(&f->place, data, bits);
        return 0;
    }
    complain(PyObject_CallFunction(self->refuse, "nO", index, value));
    return -1;
}

/* The place of the group to encode, 0 of a message without any; -1 with an exception set if there is no such group. */
static Py_ssize_t group_to_encode(const layout *self, PyObject *values)
{
    if (!self->groups) return 0;
    PyObject *value = item_of(values, self->multiplexer);
    if (value == NULL) return -1;
    double number = number_of(value);
    Py_ssize_t group = -1;
    if (number != -1.0 || !PyErr_Occurred()) {
        group = group_of(self, number);
        if (group < 0) complain(PyObject_CallFunction(self->unknown, "O", value));
    }
    Py_DECREF(value);
    return group;
}

static PyObject *layout_encode(PyObject *object, PyObject *values)
{
    const layout *self = (layout *)object;
    Py_ssize_t group = group_to_encode(self, values);
    if (group < 0) return NULL;
    PyObject *result = PyByteArray_FromStringAndSize(NULL, self->size);
    if (result == NULL) return NULL;
    uint8_t *data = (uint8_t *)PyByteArray_AsString(result);
    memset(data, 0, (size_t)self->size);
    for (Py_ssize_t k = 0; k < self->count; k++) {
        if (!is_there(self, k, group)) continue;
        PyObject *value = item_of(values, k);
        int failed = value == NULL ? -1 : encode_one(self, k, value, data);
        Py_XDECREF(value);
        if (failed) {
            Py_DECREF(result);
            return NULL;
        }
    }
    return result;
}

static PyObject *decoded(const layout *self, const uint8_t *data)
{
    Py_ssize_t group = 0;
    if (self->groups) {
        uint64_t number = field_get(&self->fields[self->multiplexer].place, data);
        group = group_of(self, (double)number);
        if (group < 0) return complain(PyObject_CallFunction(self->unknown, "K", (unsigned long long)number)), NULL;
    }
    PyObject *values = PyTuple_New(self->count);
    for (Py_ssize_t k = 0; values != NULL && k < self->count; k++) {
        const field *f = &self->fields[k];
        bool has_one = is_there(self, k, group);
        PyObject *value = has_one ? value_of(f, field_get(&f->place, data)) : Py_NewRef(Py_None);
        if (value == NULL || PyTuple_SetItem(values, k, value) < 0) Py_CLEAR(values);
    }
    return values;
}

static PyObject *layout_decode(PyObject *object, PyObject *given)
{
    const layout *self = (layout *)object;
    Py_buffer data;
    if (PyObject_GetBuffer(given, &data, PyBUF_SIMPLE) < 0) return NULL;
    PyObject *values = NULL;
    if (data.len == self->size)
        values = decoded(self, data.buf);
    else
        complain(PyObject_CallFunction(self->misfit, "n", data.len));
    PyBuffer_Release(&data);
    return values;
}

/* Which groups have a field: a tuple of the multiplexor's values. */
static int read_presence(layout *self, Py_ssize_t index, PyObject *groups)
{
    if (!PyTuple_Check(groups)) return PyErr_SetString(PyExc_TypeError, "the groups of a field are a tuple"), -1;
    for (Py_ssize_t k = 0; k < PyTuple_Size(groups); k++) {
        long long value = PyLong_AsLongLong(PyTuple_GetItem(groups, k));
        if (value == -1 && PyErr_Occurred()) return -1;
        Py_ssize_t group = group_of(self, (double)value);
        if (group < 0) return PyErr_SetString(PyExc_ValueError, "a field is of no group"), -1;
        self->there[index * self->groups + group] = true;
    }
    return 0;
}

/* start, length, little_endian, signed, is_float, scale, offset, minimum, maximum, not_available or None, groups or
 * None */
static int read_field(layout *self, Py_ssize_t index, PyObject *given)
{
    field *f = &self->fields[index];
    Py_ssize_t start, length;
    int little, is_signed, is_float;
    PyObject *not_available, *groups;
    if (given == NULL) return -1; /* the list has become shorter: a number's own conversion may do that */
    if (!PyTuple_Check(given)) return PyErr_SetString(PyExc_TypeError, "a field is a tuple"), -1;
    if (!PyArg_ParseTuple(given, "nnpppddddOO;a field", &start, &length, &little, &is_signed, &is_float, &f->scale,
                          &f->offset, &f->minimum, &f->maximum, &not_available, &groups))
        return -1;
    if (start < 0 || length < 0 ||
        !field_at(&f->place, (size_t)self->size, (size_t)start, (size_t)length, little != 0))
        return PyErr_SetString(PyExc_ValueError, "a field leaves its message"), -1;
    if (!(f->scale < 0.0 || f->scale > 0.0)) return PyErr_SetString(PyExc_ValueError, "a scale is 0"), -1;
    if (is_float && length != FLOAT_BITS && length != DOUBLE_BITS)
        return PyErr_SetString(PyExc_ValueError, "no floating-point number has such a length"), -1;
    f->is_float = is_float != 0;
    f->is_signed = is_signed != 0 && !is_float;
    f->plain = f->scale == 1.0 && f->offset == 0.0 && !is_float;
    f->beyond = ldexp(1.0, (int)length - (is_signed ? 1 : 0));
    f->least = is_signed ? -f->beyond : 0.0;
    f->not_available = not_available == Py_None ? NAN : PyFloat_AsDouble(not_available);
    if (PyErr_Occurred()) return -1;
    f->always = groups == Py_None;
    return f->always ? 0 : read_presence(self, index, groups);
}

static int read_groups(layout *self, PyObject *groups)
{
    self->groups = PyTuple_Size(groups);
    if (self->groups > PY_SSIZE_T_MAX / (self->count + 1) - 1) return PyErr_NoMemory(), -1;
    self->group = PyMem_Calloc((size_t)self->groups + 1u, sizeof *self->group);
    self->there = PyMem_Calloc((size_t)(self->groups + 1) * (size_t)(self->count + 1), sizeof *self->there);
    if (self->group == NULL || self->there == NULL) return PyErr_NoMemory(), -1;
    for (Py_ssize_t k = 0; k < self->groups; k++) {
        self->group[k] = (int64_t)PyLong_AsLongLong(PyTuple_GetItem(groups, k));
        if (PyErr_Occurred()) return -1;
        if (k > 0 && self->group[k] <= self->group[k - 1])
            return PyErr_SetString(PyExc_ValueError, "groups are in rising order"), -1;
    }
    if (self->groups && (self->multiplexer < 0 || self->multiplexer >= self->count))
        return PyErr_SetString(PyExc_ValueError, "groups need a multiplexor"), -1;
    return 0;
}

static PyObject *layout_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    (void)names;
    Py_ssize_t size, multiplexer;
    PyObject *fields, *groups, *refuse, *misfit, *unknown;
    if (!PyArg_ParseTuple(args, "nO!nO!OOO", &size, &PyList_Type, &fields, &multiplexer, &PyTuple_Type, &groups, &refuse,
                          &misfit, &unknown))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    layout *self = (layout *)alloc(type, 0);
    if (self == NULL) return NULL;
    self->size = size;
    self->multiplexer = multiplexer;
    self->count = PyList_Size(fields);
    self->refuse = Py_NewRef(refuse);
    self->misfit = Py_NewRef(misfit);
    self->unknown = Py_NewRef(unknown);
    self->fields = PyMem_Calloc((size_t)self->count + 1u, sizeof *self->fields);
    int failed = self->fields == NULL ? (PyErr_NoMemory(), -1) : read_groups(self, groups);
    for (Py_ssize_t k = 0; !failed && k < self->count; k++)
        failed = read_field(self, k, PyList_GetItem(fields, k));
    if (failed) Py_CLEAR(self);
    return (PyObject *)self;
}

static int layout_traverse(PyObject *object, visitproc visit, void *arg)
{
    layout *self = (layout *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->refuse);
    Py_VISIT(self->misfit);
    Py_VISIT(self->unknown);
    return 0;
}

static int layout_clear(PyObject *object)
{
    layout *self = (layout *)object;
    Py_CLEAR(self->refuse);
    Py_CLEAR(self->misfit);
    Py_CLEAR(self->unknown);
    return 0;
}

/* What every object of a heap type does last. */
static void let_go(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static void layout_dealloc(PyObject *object)
{
    layout *self = (layout *)object;
    PyObject_GC_UnTrack(object);
    (void)layout_clear(object);
    PyMem_Free(self->fields);
    PyMem_Free(self->group);
    PyMem_Free(self->there);
    let_go(object);
}

/* ---- packers ---- */

/* What a row's source says, in the signal's unit; -1 with an exception set if it says nothing. */
static double read_source(const row *r)
{
    PyObject *value = item_of(r->values, r->index);
    if (value == NULL) return -1.0;
    double number = PyFloat_AsDouble(value);
    Py_DECREF(value);
    if (number == -1.0 && PyErr_Occurred()) return -1.0;
    if (r->offset != 0.0) number -= r->offset;
    return r->scale == 1.0 ? number : number / r->scale;
}

/* The nearest value that may be sent, as Python says it. */
static double saturated(const packer *self, Py_ssize_t signal, double value)
{
    PyObject *nearest = PyObject_CallFunction(self->saturate, "nd", signal, value);
    double number = nearest == NULL ? -1.0 : PyFloat_AsDouble(nearest);
    Py_XDECREF(nearest);
    return number;
}

static int pack_one(const packer *self, const row *r, uint8_t *data)
{
    const field *f = r->field;
    double value = read_source(r);
    if (value == -1.0 && PyErr_Occurred()) return -1;
    if (!(f->minimum <= value && value <= f->maximum)) {
        value = saturated(self, r->signal, value);
        if (value == -1.0 && PyErr_Occurred()) return -1;
    }
    uint64_t bits;
    if (!bits_of(f, (value - f->offset) / f->scale, &bits)) /* a highest raw number of over 53 bits is no double */
        bits = field_mask(&f->place) >> (f->is_signed ? 1 : 0);
    field_put(&f->place, data, bits);
    return 0;
}

static PyObject *packer_pack(PyObject *object, PyObject *none)
{
    (void)none;
    const packer *self = (packer *)object;
    PyObject *result = PyByteArray_FromStringAndSize((const char *)self->start, self->layout->size);
    if (result == NULL) return NULL;
    uint8_t *data = (uint8_t *)PyByteArray_AsString(result); /* nobody else has it yet, so it stays where it is */
    for (Py_ssize_t k = 0; k < self->count; k++)
        if (pack_one(self, &self->rows[k], data) < 0) {
            Py_DECREF(result);
            return NULL;
        }
    return result;
}

static int read_row(packer *self, row *r, PyObject *given)
{
    PyObject *values;
    if (given == NULL) return -1; /* as above */
    if (!PyTuple_Check(given)) return PyErr_SetString(PyExc_TypeError, "a source is a tuple"), -1;
    if (!PyArg_ParseTuple(given, "nOndd;a source", &r->signal, &values, &r->index, &r->scale, &r->offset)) return -1;
    if (r->signal < 0 || r->signal >= self->layout->count)
        return PyErr_SetString(PyExc_IndexError, "no such signal"), -1;
    r->field = &self->layout->fields[r->signal];
    r->values = Py_NewRef(values);
    return 0;
}

/* layout, start: the frame with what no source feeds, sources: (signal, values, index, scale, offset), saturate */
static PyObject *packer_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    (void)names;
    module_state *state = PyType_GetModuleState(type);
    PyObject *given, *sources, *saturate;
    const char *start;
    Py_ssize_t size;
    if (state == NULL ||
        !PyArg_ParseTuple(args, "O!y#O!O", state->layout_type, &given, &start, &size, &PyList_Type, &sources, &saturate))
        return NULL;
    if (size != ((layout *)given)->size) return PyErr_SetString(PyExc_ValueError, "start has another length"), NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    packer *self = (packer *)alloc(type, 0);
    if (self == NULL) return NULL;
    self->layout = (layout *)Py_NewRef(given);
    self->saturate = Py_NewRef(saturate);
    Py_ssize_t count = PyList_Size(sources);
    self->start = PyMem_Malloc((size_t)size + 1u);
    self->rows = PyMem_Calloc((size_t)count + 1u, sizeof *self->rows);
    int failed = self->start == NULL || self->rows == NULL ? (PyErr_NoMemory(), -1) : 0;
    if (!failed) memcpy(self->start, start, (size_t)size);
    for (; !failed && self->count < count; self->count++)
        failed = read_row(self, &self->rows[self->count], PyList_GetItem(sources, self->count));
    if (failed) Py_CLEAR(self);
    return (PyObject *)self;
}

static int packer_traverse(PyObject *object, visitproc visit, void *arg)
{
    packer *self = (packer *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT((PyObject *)self->layout);
    Py_VISIT(self->saturate);
    for (Py_ssize_t k = 0; k < self->count; k++) Py_VISIT(self->rows[k].values);
    return 0;
}

static int packer_clear(PyObject *object)
{
    packer *self = (packer *)object;
    Py_CLEAR(self->saturate);
    Py_ssize_t count = self->count;
    self->count = 0;
    for (Py_ssize_t k = 0; k < count; k++) Py_CLEAR(self->rows[k].values);
    return 0;
}

static void packer_dealloc(PyObject *object)
{
    packer *self = (packer *)object;
    PyObject_GC_UnTrack(object);
    (void)packer_clear(object);
    Py_CLEAR(self->layout); /* only now: rows point into it */
    PyMem_Free(self->start);
    PyMem_Free(self->rows);
    let_go(object);
}

/* ---- module ---- */

static PyMethodDef layout_methods[] = {
    {"encode", layout_encode, METH_O, "Physical values in signal order to bytes."},
    {"decode", layout_decode, METH_O, "Bytes to physical values in signal order."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot layout_slots[] = {
    {Py_tp_new, layout_new},
    {Py_tp_dealloc, layout_dealloc},
    {Py_tp_traverse, layout_traverse},
    {Py_tp_clear, layout_clear},
    {Py_tp_methods, layout_methods},
    {Py_tp_doc, "Where the signals of a message lie."},
    {0, NULL},
};
static PyType_Spec layout_spec = {
    "hil.frames._codec.Layout", sizeof(layout), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, layout_slots};

static PyMethodDef packer_methods[] = {
    {"pack", packer_pack, METH_NOARGS, "The message's bytes now."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot packer_slots[] = {
    {Py_tp_new, packer_new},
    {Py_tp_dealloc, packer_dealloc},
    {Py_tp_traverse, packer_traverse},
    {Py_tp_clear, packer_clear},
    {Py_tp_methods, packer_methods},
    {Py_tp_doc, "Reads the sources of a message and packs it."},
    {0, NULL},
};
static PyType_Spec packer_spec = {
    "hil.frames._codec.Packer", sizeof(packer), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, packer_slots};

static int fill(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    PyObject *layouts = PyType_FromModuleAndSpec(module, &layout_spec, NULL);
    if (layouts == NULL) return -1;
    state->layout_type = (PyTypeObject *)layouts; /* the module's own reference */
    if (PyModule_AddType(module, state->layout_type) < 0) return -1;
    PyObject *packers = PyType_FromModuleAndSpec(module, &packer_spec, NULL);
    if (packers == NULL) return -1;
    int failed = PyModule_AddType(module, (PyTypeObject *)packers);
    Py_DECREF(packers);
    return failed;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    module_state *state = PyModule_GetState(module);
    if (state != NULL) Py_VISIT((PyObject *)state->layout_type);
    return 0;
}

static int module_clear(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    if (state != NULL) Py_CLEAR(state->layout_type);
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_codec", "Messages in C.", sizeof(module_state), NULL, slots, module_traverse, module_clear,
    NULL};
PyMODINIT_FUNC PyInit__codec(void) { return PyModuleDef_Init(&definition); }
