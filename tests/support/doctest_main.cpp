// The one main() of every unit-test program.
//
// doctest's own signal handlers would replace the engine's, which turns the signals of trapping
// guests into traps.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
