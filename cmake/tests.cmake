# One GoogleTest binary a room. A case is a ctest test of its own, so that a crash or a hang takes
# nothing else with it.
find_package(GTest REQUIRED)
include(GoogleTest)

# weft_gtest(<target> SOURCES … [LIBRARIES …] [LABELS …] [TIMEOUT seconds] [PREFIX text] [SHUFFLED]): does nothing when
# there are no sources. SHUFFLED: one more test has all cases run in one process, in an order that it prints the seed of.
function(weft_gtest target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SHUFFLED" "TIMEOUT;PREFIX" "SOURCES;LIBRARIES;LABELS")
    if(NOT arg_SOURCES)
        return()
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    if(NOT arg_PREFIX)
        set(arg_PREFIX ${target}.)
    endif()
    weft_program(${target} SOURCES ${arg_SOURCES} LIBRARIES ${arg_LIBRARIES} GTest::gmock GTest::gtest_main)
    # Found when ctest starts: a sanitizer's binary that dies at start then fails as a test, not the build.
    gtest_discover_tests(${target} TEST_PREFIX ${arg_PREFIX} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
        PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
    if(arg_SHUFFLED)
        add_test(NAME ${arg_PREFIX}shuffled COMMAND ${target} --gtest_shuffle)
        set_tests_properties(${arg_PREFIX}shuffled PROPERTIES TIMEOUT 300 LABELS "${arg_LABELS}")
    endif()
endfunction()

# What the tests of a world stand on: the `testing*.cpp` of the core and of its port.
function(weft_test_support target world)
    weft_glob(sources testing*.cpp weft/core ${ARGN})
    if(sources)
        add_library(${target} STATIC ${sources})
        target_link_libraries(${target} PUBLIC ${world} GTest::gtest PRIVATE weft_warnings)
    else()
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE ${world})
    endif()
endfunction()

weft_test_support(weft_testing_on_hand weft_on_hand weft/ports/hand)
weft_test_sources(core_tests ${weft_core_rooms} drivers)
if(core_tests)
    # Compiled once and linked with either port: nothing in a header depends on which it is.
    add_library(weft_core_tests OBJECT ${core_tests})
    target_link_libraries(weft_core_tests PRIVATE weft_core GTest::gtest weft_warnings)
    set(core_tests $<TARGET_OBJECTS:weft_core_tests>)
endif()
weft_gtest(weft_core_test SOURCES ${core_tests} LIBRARIES weft_testing_on_hand LABELS core SHUFFLED)

weft_program(weft_core_seeded_test LIBRARIES weft_testing_on_hand weft_seeded
    SOURCES tests/seeds/main.cpp ${core_tests})
weft_gtest(weft_seeds_test LIBRARIES weft_testing_on_hand weft_seeded LABELS core
    SOURCES tests/seeds/planted_test.cpp tests/seeds/crew_test.cpp)
# Two thousand seeds where code is fast, a few where it is not; make check-seeds takes as many as one likes.
set(seeds 5)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    set(seeds 500)
endif()
foreach(part RANGE 3)
    math(EXPR first "1 + ${part} * ${seeds}")
    add_test(NAME weft_core_seeded_test.from_${first} COMMAND weft_core_seeded_test ${first} ${seeds})
    set_tests_properties(weft_core_seeded_test.from_${first} PROPERTIES TIMEOUT 600 LABELS core)
endforeach()

weft_test_sources(hand_tests weft/ports/hand)
weft_gtest(weft_hand_test SOURCES ${hand_tests} LIBRARIES weft_testing_on_hand LABELS ports SHUFFLED)

weft_glob(linux_port *.cpp weft/ports/linux)
if(TARGET weft_linux AND linux_port)
    weft_test_support(weft_testing_on_linux weft::weft weft/ports/host)
    # The same tests once more: the core's promises hold on the port that people use.
    weft_gtest(weft_core_linux_test SOURCES ${core_tests} LIBRARIES weft_testing_on_linux LABELS core SHUFFLED)

    pkg_check_modules(libseccomp REQUIRED IMPORTED_TARGET libseccomp)
    foreach(name IN ITEMS runtime io ports)
        set(rooms weft/${name})
        if(name STREQUAL "ports")
            set(rooms weft/ports/host weft/ports/linux)
        endif()
        weft_test_sources(sources ${rooms})
        weft_gtest(weft_${name}_test SOURCES ${sources} LABELS ${name}
            LIBRARIES weft_testing_on_linux PkgConfig::libseccomp PkgConfig::liburing)
    endforeach()
    # The cases above choose the best back-end there is, but where they name one. As a whole once more on each other one.
    foreach(io IN ITEMS epoll poll select)
        foreach(tests IN ITEMS weft_core_linux_test weft_runtime_test)
            add_test(NAME ${tests}.on_${io} COMMAND ${tests} --gtest_brief=1)
            set_tests_properties(${tests}.on_${io} PROPERTIES TIMEOUT 600 LABELS io ENVIRONMENT WEFT_IO=${io})
        endforeach()
    endforeach()
endif()

# weft_example_test(<name>): runs weft-<name> as a process, on each back-end; see tests/examples/examples_test.py.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
function(weft_example_test name)
    foreach(io IN ITEMS uring epoll poll select)
        add_test(NAME weft_${name}.${io} COMMAND Python3::Interpreter
            ${PROJECT_SOURCE_DIR}/tests/examples/examples_test.py ${name} $<TARGET_FILE:weft-${name}>)
        set_tests_properties(weft_${name}.${io} PROPERTIES TIMEOUT 120 LABELS examples ENVIRONMENT WEFT_IO=${io})
    endforeach()
endfunction()
