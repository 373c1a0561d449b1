/* The reference BMS without Python: runs the test that is named, or all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int run_tests(const test_case *tests, const char *wanted)
{
    int done = 0;
    for (; tests->name; tests++) {
        if (wanted && strcmp(wanted, tests->name) != 0)
            continue;
        failures = 0;
        tests->run();
        printf("%s %s\n", failures ? "FAIL" : "ok", tests->name);
        if (failures)
            exit(1);
        done++;
    }
    return done;
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : 0;
    int done = run_tests(TESTS_PROTECTION, wanted);
    done += run_tests(TESTS_STATE, wanted);
    done += run_tests(TESTS_CHARGE, wanted);
    return done > 0 ? 0 : 2;
}
