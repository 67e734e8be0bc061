# One GoogleTest binary a room. A case is a ctest test of its own, so that a crash or a hang takes
# nothing else with it.
find_package(GTest REQUIRED)
include(GoogleTest)

# weft_gtest(<target> SOURCES … [LIBRARIES …] [LABELS …] [TIMEOUT seconds] [PREFIX text]): does nothing
# when there are no sources.
function(weft_gtest target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT;PREFIX" "SOURCES;LIBRARIES;LABELS")
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
endfunction()

weft_test_sources(core_tests weft/core)
weft_gtest(weft_core_test SOURCES ${core_tests} LIBRARIES weft_on_hand LABELS core)

weft_test_sources(hand_tests weft/ports/hand)
weft_gtest(weft_hand_test SOURCES ${hand_tests} LIBRARIES weft_on_hand LABELS ports)

if(TARGET weft_linux)
    # The same sources once more: the core's promises hold on the port that people use.
    weft_gtest(weft_core_linux_test SOURCES ${core_tests} LIBRARIES weft::weft LABELS core)

    pkg_check_modules(libseccomp REQUIRED IMPORTED_TARGET libseccomp)
    foreach(room IN ITEMS runtime io)
        weft_test_sources(sources weft/${room})
        weft_gtest(weft_${room}_test SOURCES ${sources} LIBRARIES weft::weft PkgConfig::libseccomp LABELS ${room})
    endforeach()
    weft_test_sources(sources weft/ports/linux)
    weft_gtest(weft_ports_test SOURCES ${sources} LIBRARIES weft::weft PkgConfig::libseccomp PkgConfig::liburing
        LABELS ports)
endif()
